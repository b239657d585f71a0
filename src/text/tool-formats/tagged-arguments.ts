import type { CallSink } from '../scan/call-sink.ts'
import type { CallReader, CallStep } from '../scan/call-syntax.ts'
import { TagScanner } from '../scan/tag-scanner.ts'
import { isText, propertyOf, typeOf, valueJson } from './untyped-value.ts'

/** Tags around the name and the value of each argument: <parameter=a>\nvalue\n</parameter>\n. */
export interface ArgumentTags {
  /** Tag before the name. */
  readonly name: string
  /** Text that ends the name. */
  readonly nameEnd: string
  /** Text behind the name's end, for a value of this type. Default none. */
  readonly attributes?: (type: string) => string
  /** Tag before the value. Absent: the value follows the name's end. */
  readonly value?: string
  readonly valueEnd: string
  /** White space around a value that is no part of it. Default none. */
  readonly padding?: string
  /** Text behind the tag that ends a value. Default none. */
  readonly gap?: string
  /** Tag that ends the call. No value holds it, or the tag that ends a value. */
  readonly callEnd: string
  /** Tag that ends the call, too, but in a value. */
  readonly outerEnd?: string
  /** Tags around a string in which these characters stand. */
  readonly quotes?: { readonly open: string; readonly close: string; readonly needed: string }
}

/** Tags and white space before the value of an argument. */
export function beforeValue(tags: ArgumentTags, name: string, schema: unknown): string {
  const { nameEnd, attributes, value = '', padding = '' } = tags
  const type = isText(schema) ? 'string' : typeOf(schema)
  return `${tags.name}${name}${nameEnd}${attributes?.(type) ?? ''}${value}${padding}`
}

/** Tags and white space behind a value. */
export function behindValue({ padding = '', valueEnd, gap = '' }: ArgumentTags): string {
  return `${padding}${valueEnd}${gap}`
}

/** A string as the value of an argument. */
export function textValue({ quotes }: ArgumentTags, text: string): string {
  if (quotes === undefined || ![...quotes.needed].some((char) => text.includes(char))) return text
  return quotes.open + text + quotes.close
}

type State = 'body' | 'name' | 'attributes' | 'value'

/** Reads arguments with a tag around each, up to the tag that ends the call. */
export class TaggedArguments implements CallReader {
  readonly started = true
  readonly inString = false
  readonly #sink: CallSink
  readonly #schema: unknown
  readonly #tags: ArgumentTags
  /** Tags that end each state. */
  readonly #ends: Readonly<Record<State, readonly string[]>>
  #state: State = 'body'
  #scanner: TagScanner
  /** Text of the state so far. */
  #text = ''
  #name = ''
  #attributes = ''
  #separator = ''

  /** @param schema of the arguments. */
  constructor(sink: CallSink, name: string, schema: unknown, tags: ArgumentTags) {
    const { callEnd, outerEnd, value } = tags
    this.#sink = sink
    this.#schema = schema
    this.#tags = tags
    this.#ends = {
      body: [tags.name, callEnd, ...(outerEnd === undefined ? [] : [outerEnd])],
      name: [tags.nameEnd, callEnd],
      attributes: [value ?? '', callEnd],
      value: [tags.valueEnd, callEnd],
    }
    this.#scanner = new TagScanner(this.#ends.body)
    sink.call(name)
    sink.args('{')
  }

  push(char: string): CallStep {
    const { text, tag } = this.#scanner.push(char)
    this.#text += text
    return tag === undefined ? 'more' : this.#tag(tag)
  }

  /** Sends what there is of a value as JSON that was cut. */
  end(): void {
    if (this.#state !== 'value') return
    const text = this.#text + this.#scanner.flush()
    this.#pair(JSON.stringify(this.#unpadded(text, false)).slice(0, -1))
  }

  #tag(tag: string): CallStep {
    if (this.#state === 'value') {
      if (this.#inQuotes()) {
        this.#text += tag
        return 'more'
      }
      this.#pair(this.#json(this.#unpadded(this.#text, true)))
    }
    if (tag === this.#tags.callEnd || tag === this.#tags.outerEnd) {
      this.#sink.args('}')
      return 'end'
    }
    if (this.#state === 'name') this.#name = this.#text
    this.#attributes = this.#state === 'attributes' ? this.#text : ''
    this.#enter(this.#next())
    return 'more'
  }

  #next(): State {
    if (this.#state === 'body') return 'name'
    if (this.#state === 'name' && this.#tags.value !== undefined) return 'attributes'
    return this.#state === 'value' ? 'body' : 'value'
  }

  #enter(state: State): void {
    this.#state = state
    this.#text = ''
    this.#scanner = new TagScanner(this.#ends[state])
  }

  #inQuotes(): boolean {
    const { quotes } = this.#tags
    if (quotes === undefined) return false
    const text = this.#text.trim()
    return text.startsWith(quotes.open) && !text.endsWith(quotes.close)
  }

  #unpadded(text: string, ends: boolean): string {
    const { padding = '' } = this.#tags
    const begun = padding !== '' && text.startsWith(padding) ? text.slice(padding.length) : text
    return ends && padding !== '' && begun.endsWith(padding) ? begun.slice(0, -padding.length) : begun
  }

  #pair(json: string): void {
    this.#sink.args(`${this.#separator}${JSON.stringify(this.#name)}: ${json}`)
    this.#separator = ', '
  }

  #json(text: string): string {
    const { attributes, quotes } = this.#tags
    // Some models put white space around the quotes, where it is no part of the string.
    const trimmed = text.trim()
    if (quotes !== undefined && trimmed.startsWith(quotes.open) && trimmed.endsWith(quotes.close))
      return JSON.stringify(trimmed.slice(quotes.open.length, -quotes.close.length))
    const [asText, asOther] = [attributes?.('string').trim(), attributes?.('object').trim()]
    const saysText = asText !== asOther && this.#attributes.trim() === asText
    return valueJson(text, propertyOf(this.#schema, this.#name), saysText)
  }
}
