import type { CallSink } from './call-sink.ts'
import type { CallReader, CallStep } from './call-syntax.ts'
import { JsonScanner } from './json-scanner.ts'

type State = 'key' | 'colon' | 'value' | 'comma'

const SPACE = /\s/

/**
 * One call written as a JSON object, from behind its brace: {"name": "f", "arguments": {…}}, keys in any order,
 * `parameters` as another name of `arguments`, others skipped. Arguments stream as soon as the name is known.
 */
export class CallObject implements CallReader {
  readonly #sink: CallSink
  readonly #accepts: (name: string) => boolean
  readonly #nameKey: string
  #state: State = 'key'
  #scanner = new JsonScanner()
  #key: string | undefined
  /** Text of the current key, or of a value that cannot be sent yet. */
  #buffer = ''
  #name: string | undefined
  /** Arguments that came before the name, or as a JSON string. */
  #args: string | undefined
  #streaming = false
  #started = false
  #argsDone = false

  /**
   * @param accepts false for a name that makes the object no call at all.
   * @param nameKey key of the name.
   */
  constructor(sink: CallSink, accepts: (name: string) => boolean = () => true, nameKey = 'name') {
    this.#sink = sink
    this.#accepts = accepts
    this.#nameKey = nameKey
  }

  get started(): boolean {
    return this.#started
  }

  get inString(): boolean {
    return this.#scanner.inString
  }

  push(char: string): CallStep {
    const step = this.#step(char)
    // With its arguments complete a call is a call, whatever follows.
    return step === 'broken' && this.#argsDone && this.#started ? this.#end() : step
  }

  #step(char: string): CallStep {
    if (this.#state === 'key') return this.#keyStep(char)
    if (this.#state === 'value') return this.#valueStep(char)
    if (SPACE.test(char)) return 'more'
    if (this.#state === 'colon' && char === ':') return this.#enter('value')
    if (this.#state === 'comma' && char === ',') return this.#enter('key')
    if (this.#state === 'comma' && char === '}') return this.#end()
    return 'broken'
  }

  #enter(state: State): 'more' {
    this.#state = state
    this.#scanner = new JsonScanner()
    this.#buffer = ''
    return 'more'
  }

  #keyStep(char: string): CallStep {
    if (this.#buffer === '') {
      if (SPACE.test(char)) return 'more'
      if (char !== '"') return 'broken'
    }
    this.#buffer += char
    const step = this.#scanner.push(char)
    if (step === 'more') return 'more'
    if (step !== 'end') return 'broken'
    this.#key = stringOf(this.#buffer)
    return this.#enter('colon')
  }

  #valueStep(char: string): CallStep {
    const step = this.#scanner.push(char)
    if (step === 'broken') return 'broken'
    if (step !== 'after') this.#take(char)
    if (step === 'more') return 'more'
    if (!this.#closeValue()) return 'broken'
    this.#enter('comma')
    return step === 'after' ? this.#step(char) : 'more'
  }

  get #isArguments(): boolean {
    return this.#key === 'arguments' || this.#key === 'parameters'
  }

  #take(char: string): void {
    if (this.#buffer === '' && SPACE.test(char) && !this.#streaming) return
    if (this.#streaming) {
      this.#sink.args(char)
      return
    }
    const first = this.#buffer === ''
    this.#buffer += char
    if (
      first &&
      this.#isArguments &&
      !this.#argsDone &&
      this.#name !== undefined &&
      (char === '{' || char === '[')
    ) {
      this.#start(this.#name)
      this.#streaming = true
      this.#sink.args(char)
    }
  }

  /** False when the value makes this no call. */
  #closeValue(): boolean {
    if (this.#key === this.#nameKey && this.#name === undefined) {
      this.#name = stringOf(this.#buffer)
      if (this.#name === undefined || this.#name === '' || !this.#accepts(this.#name)) return false
    } else if (this.#isArguments && !this.#argsDone) {
      if (!this.#streaming)
        this.#args = this.#buffer === 'null' ? '{}' : (stringOf(this.#buffer) ?? this.#buffer)
      this.#streaming = false
      this.#argsDone = true
    }
    if (this.#name !== undefined && this.#args !== undefined && !this.#started) {
      this.#start(this.#name)
      this.#sink.args(this.#args)
    }
    return true
  }

  #start(name: string): void {
    this.#started = true
    this.#sink.call(name)
  }

  #end(): CallStep {
    if (this.#name === undefined) return 'broken'
    if (!this.#started) {
      this.#start(this.#name)
      this.#sink.args('{}')
    }
    return 'end'
  }
}

/** The string that a JSON text spells; undefined for any other value. */
function stringOf(json: string): string | undefined {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined
  }
}
