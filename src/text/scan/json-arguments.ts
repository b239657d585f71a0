import type { CallSink } from './call-sink.ts'
import type { CallReader, CallStep } from './call-syntax.ts'
import { JsonScanner } from './json-scanner.ts'

/** The arguments of a call whose head named it: a JSON object, from behind its brace, to where it ends. */
export class JsonArguments implements CallReader {
  readonly started = true
  readonly #sink: CallSink
  readonly #json = new JsonScanner()

  constructor(sink: CallSink, name: string) {
    this.#sink = sink
    sink.call(name)
    this.push('{')
  }

  get inString(): boolean {
    return this.#json.inString
  }

  push(char: string): CallStep {
    const step = this.#json.push(char)
    if (step !== 'more' && step !== 'end') return 'broken'
    this.#sink.args(char)
    return step
  }
}

/** Reads arguments that end at the next tag outside of a JSON string. */
export class OpenArguments implements CallReader {
  readonly started = true
  readonly #sink: CallSink
  readonly #json = new JsonScanner()

  constructor(sink: CallSink, name: string) {
    this.#sink = sink
    sink.call(name)
  }

  get inString(): boolean {
    return this.#json.inString
  }

  push(text: string): CallStep {
    for (const char of text) this.#json.push(char)
    this.#sink.args(text)
    return 'more'
  }
}
