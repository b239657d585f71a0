import type { CallSink } from '../scan/call-sink.ts'
import type { CallReader, CallStep } from '../scan/call-syntax.ts'
import { TagScanner } from '../scan/tag-scanner.ts'

export const KEY = '<parameter='
export const CALL_END = '</function>'
export const CLOSE = '</tool_call>'
export const KEY_END = '</parameter>'

type State = 'body' | 'key' | 'value'

/** The tags that end each state. */
const TAGS: Readonly<Record<State, readonly string[]>> = {
  body: [KEY, CALL_END, CLOSE],
  key: ['>'],
  value: [KEY_END, CALL_END],
}

/** Arguments with a tag around each, to the tag that ends the call: <parameter=a>\nvalue\n</parameter>. */
export class TaggedArguments implements CallReader {
  readonly started = true
  readonly inString = false
  readonly #sink: CallSink
  readonly #schema: unknown
  #state: State = 'body'
  #scanner = new TagScanner(TAGS.body)
  /** Text of the state so far. */
  #text = ''
  #key = ''
  #separator = ''

  /** @param schema of the arguments. */
  constructor(sink: CallSink, name: string, schema: unknown) {
    this.#sink = sink
    this.#schema = schema
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
    this.#pair(JSON.stringify(text.replace(/^\n/, '')).slice(0, -1))
  }

  #tag(tag: string): CallStep {
    if (this.#state === 'value') this.#pair(this.#json(this.#text.replace(/^\n/, '').replace(/\n$/, '')))
    if (tag === CALL_END || tag === CLOSE) {
      this.#sink.args('}')
      return 'end'
    }
    if (this.#state === 'key') this.#key = this.#text
    this.#enter(this.#state === 'body' ? 'key' : this.#state === 'key' ? 'value' : 'body')
    return 'more'
  }

  #enter(state: State): void {
    this.#state = state
    this.#text = ''
    this.#scanner = new TagScanner(TAGS[state])
  }

  #pair(json: string): void {
    this.#sink.args(`${this.#separator}${JSON.stringify(this.#key)}: ${json}`)
    this.#separator = ', '
  }

  /** JSON of a value: what the schema calls a string is one, anything else is JSON where it parses. */
  #json(text: string): string {
    if (typeOf(this.#schema, this.#key) === 'string') return JSON.stringify(text)
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
