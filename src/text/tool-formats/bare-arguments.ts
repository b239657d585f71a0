import type { CallSink } from '../scan/call-sink.ts'
import type { CallReader, CallStep } from '../scan/call-syntax.ts'
import { TagScanner } from '../scan/tag-scanner.ts'

/** Mark before and behind a string. */
export const STRING = '<|"|>'
/** Tag behind a call. */
export const CALL_END = '<tool_call|>'

const CLOSERS: Readonly<Record<string, string>> = { '{': '}', '[': ']' }
const WORDS: Readonly<Record<string, string>> = { None: 'null', True: 'true', False: 'false' }

/** State of a reader. `quoted`: in a string of JSON, which has no place here. */
type State = 'outside' | 'string' | 'quoted'

/** Place of the next word. `key`, `value`; `filled`: behind a value, or behind a key that was a string. */
type Place = 'key' | 'value' | 'filled'

/**
 * Arguments as an object whose keys have no quotes, and whose strings stand between marks, without escapes, from behind
 * its brace: city:<|"|>Paris<|"|>,days:[1,2]}. They are sent as JSON.
 */
export class BareArguments implements CallReader {
  readonly started = true
  readonly #sink: CallSink
  #scanner = new TagScanner([STRING, CALL_END])
  /** Brackets that close the objects and lists that are open. */
  readonly #closers = ['}']
  #state: State = 'outside'
  #place: Place = 'key'
  #word = ''
  #escaped = false

  constructor(sink: CallSink, name: string) {
    this.#sink = sink
    sink.call(name)
    sink.args('{')
  }

  get inString(): boolean {
    return this.#state !== 'outside'
  }

  push(char: string): CallStep {
    const { text, tag } = this.#scanner.push(char)
    for (const one of text.split('')) if (this.#character(one) === 'end') return 'end'
    return tag === undefined ? 'more' : this.#tag(tag)
  }

  /** Sends what there is, as JSON that was cut. */
  end(): void {
    for (const one of this.#scanner.flush().split('')) this.#character(one)
    const word = this.#word.trim()
    const isKey = this.#place === 'key' && word !== ''
    this.#sink.args(isKey ? JSON.stringify(word).slice(0, -1) : word)
  }

  #tag(tag: string): CallStep {
    if (tag === CALL_END && this.#state === 'outside') {
      while (this.#closers.length > 0) this.#character(this.#closers.at(-1) ?? '')
      return 'end'
    }
    if (tag === CALL_END || this.#state === 'quoted') {
      for (const one of tag.split('')) this.#character(one)
      return 'more'
    }
    this.#sink.args('"')
    if (this.#state === 'outside') this.#enter('string', [STRING])
    else {
      this.#enter('outside', [STRING, CALL_END])
      this.#place = 'filled'
    }
    return 'more'
  }

  #enter(state: State, tags: readonly string[]): void {
    this.#state = state
    this.#scanner = new TagScanner(tags)
  }

  #character(char: string): CallStep {
    if (this.#state === 'string') this.#sink.args(escaped(char))
    else if (this.#state === 'quoted') this.#inQuotes(char)
    else if (char === '"' && this.#word === '') {
      this.#sink.args(char)
      this.#state = 'quoted'
    } else if ('{['.includes(char)) this.#open(char)
    else if (char === this.#closers.at(-1)) return this.#close(char)
    else if (char === ',') this.#separate()
    else if (char === ':' && this.#closers.at(-1) === '}' && this.#place !== 'value') this.#colon()
    else if (this.#word !== '' || !/\s/.test(char)) this.#word += char
    return 'more'
  }

  #inQuotes(char: string): void {
    this.#sink.args(char)
    if (this.#escaped) this.#escaped = false
    else if (char === '\\') this.#escaped = true
    else if (char === '"') {
      this.#state = 'outside'
      this.#place = 'filled'
    }
  }

  #open(char: string): void {
    this.#flush()
    this.#sink.args(char)
    this.#closers.push(CLOSERS[char] ?? '')
    this.#place = char === '{' ? 'key' : 'value'
  }

  #close(char: string): CallStep {
    this.#flush()
    if (this.#place === 'value' && char === '}') this.#sink.args('null')
    this.#sink.args(char)
    this.#closers.pop()
    this.#place = 'filled'
    return this.#closers.length === 0 ? 'end' : 'more'
  }

  #separate(): void {
    this.#flush()
    if (this.#place === 'value') this.#sink.args('null')
    this.#sink.args(',')
    this.#place = this.#closers.at(-1) === '}' ? 'key' : 'value'
  }

  #colon(): void {
    if (this.#place === 'key') this.#sink.args(JSON.stringify(this.#word.trim()))
    this.#word = ''
    this.#sink.args(':')
    this.#place = 'value'
  }

  /** Sends the value that was written without marks, if there is one. */
  #flush(): void {
    const word = this.#word.trim()
    this.#word = ''
    if (word === '') return
    this.#sink.args(WORDS[word] ?? (isJson(word) ? word : JSON.stringify(word)))
    this.#place = 'filled'
  }
}

/** A character as it stands in a string of JSON. */
function escaped(char: string): string {
  return char < ' ' || char === '"' || char === '\\' ? JSON.stringify(char).slice(1, -1) : char
}

function isJson(word: string): boolean {
  return /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?)$/.test(word)
}
