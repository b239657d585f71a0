import { TagScanner } from '../tag-scanner.ts'
import { CallObject } from './call-object.ts'
import type { CallSink, ToolFormat, ToolParser } from './tool-format.ts'

const PYTHON_TAG = '<|python_tag|>'

/**
 * Llama 3.1, 3.2, 3.3: the whole answer is {"name": "f", "parameters": {…}}, or several with semicolons between.
 * There may be <|python_tag|> before an object. As nothing else marks a call, only names of offered tools count.
 */
export const llamaJson: ToolFormat = {
  name: 'llama-json',
  recognises: (template) => /parameters\\?": dictionary of argument name/.test(template),
  markers: [PYTHON_TAG],
  parser: (sink, offered) => new LlamaJsonParser(sink, (name) => offered.has(name)),
  notation: { open: (name) => `{"name": ${JSON.stringify(name)}, "parameters": `, close: '}' },
}

/** `before`: where a call may begin; `text`: where only the tag begins one; `broken`: in arguments that are no JSON. */
type State = 'before' | 'call' | 'text' | 'broken'

class LlamaJsonParser implements ToolParser {
  readonly #sink: CallSink
  readonly #isTool: (name: string) => boolean
  readonly #scanner = new TagScanner([PYTHON_TAG])
  #state: State = 'before'
  #object: CallObject
  /** What is text if no call comes of it. */
  #raw = ''

  constructor(sink: CallSink, isTool: (name: string) => boolean) {
    this.#sink = sink
    this.#isTool = isTool
    this.#object = new CallObject(sink, isTool)
  }

  push(text: string): void {
    for (let rest = text; rest !== ''; ) {
      const scanned = this.#scanner.push(rest)
      this.#plain(scanned.text)
      if (scanned.tag !== undefined) this.#tag()
      rest = scanned.rest
    }
  }

  end(): void {
    this.#plain(this.#scanner.flush())
    if (this.#state !== 'call' || !this.#object.started) this.#sink.text(this.#raw)
  }

  /** The tag is a control token: it ends whatever was open, and a call may follow. */
  #tag(): void {
    if (this.#state === 'call' && this.#object.inString) {
      this.#plain(PYTHON_TAG)
      return
    }
    if (this.#state === 'broken' || (this.#state === 'call' && this.#object.started)) this.#sink.callEnd()
    else if (this.#raw !== '') this.#sink.text(this.#raw)
    this.#state = 'before'
    this.#raw = PYTHON_TAG
  }

  #plain(text: string): void {
    for (let at = 0; at < text.length; at++) {
      if (this.#state === 'text') {
        this.#sink.text(text.slice(at))
        return
      }
      if (this.#state === 'broken') {
        this.#sink.args(text.slice(at))
        return
      }
      this.#char(text.charAt(at))
    }
  }

  #char(char: string): void {
    if (this.#state === 'before') {
      this.#raw += char
      if (/[\s;]/.test(char)) return
      if (char !== '{') {
        this.#giveUp()
        return
      }
      this.#state = 'call'
      this.#object = new CallObject(this.#sink, this.#isTool)
      this.#object.push(char)
      return
    }
    const step = this.#object.push(char)
    if (!this.#object.started) this.#raw += char
    if (step === 'end') {
      this.#state = 'before'
      this.#raw = ''
    } else if (step === 'broken') {
      if (!this.#object.started) {
        this.#giveUp()
        return
      }
      this.#state = 'broken'
      this.#raw = ''
      this.#sink.args(char)
    }
  }

  #giveUp(): void {
    this.#state = 'text'
    this.#sink.text(this.#raw)
    this.#raw = ''
  }
}
