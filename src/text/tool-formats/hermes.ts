import { TagScanner } from '../scan/tag-scanner.ts'
import { TrailingSpace } from '../scan/trailing-space.ts'
import { CallObject } from './call-object.ts'
import type { CallSink, ToolFormat, ToolParser } from './tool-format.ts'

const OPEN = '<tool_call>'
const CLOSE = '</tool_call>'
/** Qwen3-Coder, GLM, MiniMax and Apriel put other notations between the same or similar tags. */
const OTHERS = ['<function=', '<arg_key>', '<invoke', '<tool_calls>']

/** Hermes, Qwen 2.5, Qwen 3 and the built-in model: <tool_call>\n{"name": …, "arguments": {…}}\n</tool_call>, repeated. */
export const hermes: ToolFormat = {
  name: 'hermes',
  recognises: (template) => template.includes(OPEN) && !OTHERS.some((mark) => template.includes(mark)),
  markers: [OPEN, CLOSE],
  parser: (sink) => new HermesParser(sink),
  notation: {
    mark: OPEN,
    open: (name) => `${OPEN}\n{"name": ${JSON.stringify(name)}, "arguments": `,
    close: `}\n${CLOSE}`,
    between: '\n',
  },
}

/** `text`: outside calls; `call`: in the object; `broken`: in arguments that are no JSON; `closing`: behind the object. */
type State = 'text' | 'call' | 'broken' | 'closing'

class HermesParser implements ToolParser {
  readonly #sink: CallSink
  #state: State = 'text'
  #scanner = new TagScanner([OPEN])
  #object: CallObject
  /** The call as written, until the sink has heard of it. */
  #raw = ''
  /** White space that is none of the arguments if the closing tag follows. */
  readonly #space = new TrailingSpace()

  constructor(sink: CallSink) {
    this.#sink = sink
    this.#object = new CallObject(sink, () => true)
  }

  push(text: string): void {
    for (let rest = text; rest !== ''; ) rest = this.#state === 'call' ? this.#inCall(rest) : this.#scan(rest)
  }

  end(): void {
    if (this.#state === 'call' && !this.#object.started) this.#sink.text(this.#raw)
    const held = this.#scanner.flush()
    if (this.#state === 'text') this.#sink.text(held)
    if (this.#state === 'broken') this.#brokenArgs(held)
  }

  #scan(input: string): string {
    const { text, tag, rest } = this.#scanner.push(input)
    if (this.#state === 'text' && text !== '') this.#sink.text(text)
    if (this.#state === 'broken') this.#brokenArgs(text)
    if (tag === undefined) return rest
    if (this.#state === 'broken') this.#sink.callEnd()
    if (tag === OPEN) this.#open()
    else this.#enter('text')
    return rest
  }

  #open(): void {
    this.#state = 'call'
    this.#object = new CallObject(this.#sink, () => true)
    this.#raw = OPEN
  }

  #enter(state: 'text' | 'broken' | 'closing'): void {
    this.#state = state
    this.#space.take()
    this.#scanner = new TagScanner(state === 'text' ? [OPEN] : state === 'broken' ? [CLOSE] : [OPEN, CLOSE])
  }

  /** Returns what is left of the input when the call's object is over. */
  #inCall(input: string): string {
    for (let at = 0; at < input.length; at++) {
      const char = input.charAt(at)
      const step = this.#object.push(char)
      if (step === 'end') {
        this.#enter('closing')
        return input.slice(at + 1)
      }
      if (step === 'broken') {
        this.#giveUp()
        return input.slice(at)
      }
      if (!this.#object.started) this.#raw += char
    }
    return ''
  }

  #giveUp(): void {
    if (this.#object.started) {
      this.#enter('broken')
      return
    }
    this.#enter('text')
    this.#sink.text(this.#raw)
  }

  #brokenArgs(text: string): void {
    const kept = this.#space.push(text)
    if (kept !== '') this.#sink.args(kept)
  }
}
