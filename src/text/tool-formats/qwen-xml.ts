import { TagScanner } from '../scan/tag-scanner.ts'
import type { CallSink, OfferedTools, ToolFormat, ToolParser } from './tool-format.ts'

const OPEN = '<tool_call>'
const CLOSE = '</tool_call>'
const CALL = '<function='
const CALL_END = '</function>'
const KEY = '<parameter='
const KEY_END = '</parameter>'
const NAME = /^[\w.-]{1,64}$/

/**
 * Qwen3-Coder, Qwen 3.5, Nemotron 3: <tool_call>\n<function=f>\n<parameter=a>\nvalue\n</parameter>\n</function>\n</tool_call>.
 * Values have no types: what the schema calls a string is one, anything else is JSON where it parses. A call without
 * the outer tag counts with the name of an offered tool.
 */
export const qwenXml: ToolFormat = {
  name: 'qwen-xml',
  recognises: (template) => template.includes(OPEN) && template.includes(CALL) && template.includes(KEY),
  markers: [OPEN, CLOSE],
  parser: (sink, offered) => new QwenXmlParser(sink, offered),
  notation: {
    mark: OPEN,
    arguments: 'tags',
    open: (name) => `${OPEN}\n${CALL}${name}>\n`,
    close: `${CALL_END}\n${CLOSE}`,
    between: '\n',
    avoid: [CALL],
  },
}

type State = 'text' | 'body' | 'key' | 'value' | 'closing'

/** `head`: between the outer tag and the inner; `name`: in the inner. */
type HeadState = 'head' | 'name'

/** The tags that end each state. */
const TAGS: Readonly<Record<State, readonly string[]>> = {
  text: [OPEN, CALL],
  body: [KEY, CALL_END, CLOSE],
  key: ['>'],
  value: [KEY_END, CALL_END],
  closing: [CLOSE, OPEN, CALL],
}

class QwenXmlParser implements ToolParser {
  readonly #sink: CallSink
  readonly #offered: OfferedTools
  #state: State | HeadState = 'text'
  #scanner = new TagScanner(TAGS.text)
  /** The call as written, until the sink has heard of it. */
  #raw = ''
  /** Text of the state so far. */
  #text = ''
  #name = ''
  #key = ''
  #separator = ''

  constructor(sink: CallSink, offered: OfferedTools) {
    this.#sink = sink
    this.#offered = offered
  }

  push(text: string): void {
    for (let rest = text; rest !== ''; ) {
      if (this.#state === 'head' || this.#state === 'name') {
        rest = this.#inHead(rest)
        continue
      }
      const scanned = this.#scanner.push(rest)
      rest = scanned.rest
      this.#take(scanned.text)
      if (scanned.tag !== undefined) this.#tag(scanned.tag)
    }
  }

  end(): void {
    this.#take(this.#scanner.flush())
    if (this.#state === 'head' || this.#state === 'name') this.#sink.text(this.#raw)
    // What there is of a value, as JSON that was cut.
    if (this.#state === 'value') this.#pair(JSON.stringify(this.#text.replace(/^\n/, '')).slice(0, -1))
  }

  #enter(state: State): void {
    this.#state = state
    this.#text = ''
    this.#scanner = new TagScanner(TAGS[state])
  }

  #take(text: string): void {
    if (this.#state === 'text' && text !== '') this.#sink.text(text)
    if (this.#state === 'key' || this.#state === 'value') this.#text += text
  }

  /** Returns what is still to be read, which is what was read when no call comes of it. */
  #inHead(input: string): string {
    for (let at = 0; at < input.length; at++) {
      const char = input.charAt(at)
      this.#raw += char
      if (this.#state === 'head' && this.#text === '' && /\s/.test(char)) continue
      if (this.#state === 'name' && char === '>') {
        if (this.#named()) return input.slice(at + 1)
        return this.#giveUp(input.slice(at + 1))
      }
      this.#text += char
      if (this.#text === CALL && this.#state === 'head') this.#begin(this.#raw)
      else if (this.#state === 'head' ? !CALL.startsWith(this.#text) : !NAME.test(this.#text)) {
        return this.#giveUp(input.slice(at + 1))
      }
    }
    return ''
  }

  /** The tag was text; what came behind it is read again. */
  #giveUp(rest: string): string {
    // The outer tag is none, and the inner one behind it no call of its own.
    const text = this.#state === 'name' ? this.#raw.slice(0, this.#raw.indexOf(CALL) + CALL.length) : OPEN
    this.#enter('text')
    this.#sink.text(text)
    return this.#raw.slice(text.length) + rest
  }

  #tag(tag: string): void {
    if (this.#state === 'text' || this.#state === 'closing') this.#outside(tag)
    else if (this.#state === 'key') {
      this.#key = this.#text
      this.#enter('value')
    } else if (this.#state === 'value') this.#value(tag)
    else if (tag === KEY) this.#enter('key')
    else this.#close(tag === CLOSE ? 'text' : 'closing')
  }

  #outside(tag: string): void {
    if (tag === CALL) this.#begin(CALL)
    else if (tag === CLOSE) this.#enter('text')
    else {
      this.#raw = OPEN
      this.#text = ''
      this.#state = 'head'
    }
  }

  #begin(raw: string): void {
    this.#raw = raw
    this.#text = ''
    this.#state = 'name'
  }

  /** False when this name makes no call. */
  #named(): boolean {
    this.#name = this.#text
    const counts = this.#raw.startsWith(OPEN) ? NAME.test(this.#name) : this.#offered.has(this.#name)
    if (!counts) return false
    this.#separator = ''
    this.#sink.call(this.#name)
    this.#sink.args('{')
    this.#enter('body')
    return true
  }

  #value(tag: string): void {
    const text = this.#text.replace(/^\n/, '').replace(/\n$/, '')
    this.#pair(this.#json(text))
    this.#enter('body')
    if (tag === CALL_END) this.#close('closing')
  }

  #pair(json: string): void {
    this.#sink.args(`${this.#separator}${JSON.stringify(this.#key)}: ${json}`)
    this.#separator = ', '
  }

  #close(next: 'text' | 'closing'): void {
    this.#sink.args('}')
    this.#sink.callEnd()
    this.#enter(next)
  }

  #json(text: string): string {
    if (typeOf(this.#offered.get(this.#name), this.#key) === 'string') return JSON.stringify(text)
    try {
      JSON.parse(text)
      return text.trim()
    } catch {
      return JSON.stringify(text)
    }
  }
}

/** The `type` of a property in a JSON Schema of an object. */
function typeOf(schema: unknown, key: string): unknown {
  const properties = member(schema, 'properties')
  return member(member(properties, key), 'type')
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined
}
