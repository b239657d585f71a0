import type { CallSink } from '../scan/call-sink.ts'
import type { CallReader, CallStep } from '../scan/call-syntax.ts'
import { pythonArguments } from './python-literal.ts'

const OPENERS = '([{'
const CLOSERS = ')]}'

/** A call in Python from behind its bracket: a=1, b="x"). It is sent whole, as its arguments are made into JSON. */
export class PythonCall implements CallReader {
  readonly #sink: CallSink
  readonly #name: string
  #args = ''
  #depth = 1
  #quote = ''
  #escaped = false

  constructor(sink: CallSink, name: string) {
    this.#sink = sink
    this.#name = name
  }

  get started(): boolean {
    return this.#depth === 0
  }

  get inString(): boolean {
    return this.#quote !== ''
  }

  push(char: string): CallStep {
    if (this.#quote !== '') this.#inQuotes(char)
    else if (char === '"' || char === "'") this.#quote = char
    else if (OPENERS.includes(char)) this.#depth++
    else if (CLOSERS.includes(char)) this.#depth--
    if (this.#depth > 0) {
      this.#args += char
      return 'more'
    }
    this.#sink.call(this.#name)
    this.#sink.args(pythonArguments(this.#args) ?? this.#args)
    return 'end'
  }

  #inQuotes(char: string): void {
    if (this.#escaped) this.#escaped = false
    else if (char === '\\') this.#escaped = true
    else if (char === this.#quote) this.#quote = ''
  }
}
