import { JsonScanner } from '../scan/json-scanner.ts'
import { TagScanner } from '../scan/tag-scanner.ts'
import type { CallSink, ToolFormat, ToolParser } from './tool-format.ts'

const CALLS = '<｜tool▁calls▁begin｜>'
const CALLS_END = '<｜tool▁calls▁end｜>'
const CALL = '<｜tool▁call▁begin｜>'
const CALL_END = '<｜tool▁call▁end｜>'
const SEPARATOR = '<｜tool▁sep｜>'
const NAME = /^[\w.-]{1,64}$/

const FENCE = '```json'

/** Both notations are read in either, between <｜tool▁calls▁begin｜> and <｜tool▁calls▁end｜>. */
const both = {
  markers: [CALLS, CALLS_END, CALL, CALL_END, SEPARATOR],
  parser: (sink: CallSink): ToolParser => new DeepseekParser(sink),
}
const around = { mark: CALLS, begin: CALLS, end: CALLS_END, avoid: [CALL] }

/** DeepSeek V3 and R1: <｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{…}\n```<｜tool▁call▁end｜>. */
export const deepseekFenced: ToolFormat = {
  ...both,
  name: 'deepseek-r1',
  recognises: (template) => deepseek.recognises(template) && template.includes(FENCE),
  notation: {
    ...around,
    open: (name) => `${CALL}function${SEPARATOR}${name}\n${FENCE}\n`,
    close: `\n\`\`\`${CALL_END}`,
    between: '\n',
  },
}

/** DeepSeek V3.1: <｜tool▁call▁begin｜>f<｜tool▁sep｜>{…}<｜tool▁call▁end｜>. */
export const deepseek: ToolFormat = {
  ...both,
  name: 'deepseek',
  recognises: (template) => template.includes(CALL) && template.includes(SEPARATOR),
  notation: { ...around, open: (name) => `${CALL}${name}${SEPARATOR}`, close: CALL_END, between: '' },
}

/** `between`: among calls; `head`: before the separator; `name`: between it and the arguments; `closing`: behind them. */
type State = 'text' | 'between' | 'head' | 'name' | 'args' | 'broken' | 'closing'

class DeepseekParser implements ToolParser {
  readonly #sink: CallSink
  readonly #scanner = new TagScanner([CALLS, CALLS_END, CALL, CALL_END, SEPARATOR])
  #state: State = 'text'
  #json = new JsonScanner()
  /** The call as written, until the sink has heard of it. */
  #raw = ''
  #head = ''
  #tail = ''

  constructor(sink: CallSink) {
    this.#sink = sink
  }

  push(text: string): void {
    for (let rest = text; rest !== ''; ) {
      const scanned = this.#scanner.push(rest)
      rest = scanned.rest
      this.#plain(scanned.text)
      if (scanned.tag !== undefined) this.#tag(scanned.tag)
    }
  }

  end(): void {
    this.#plain(this.#scanner.flush())
    this.#abandon()
  }

  /** What was begun comes to nothing: it is text, or a call that ends here. */
  #abandon(): void {
    if (this.#state === 'args' || this.#state === 'broken') this.#sink.callEnd()
    else if (this.#raw !== '') this.#sink.text(this.#raw)
    this.#raw = ''
    this.#state = 'text'
  }

  #tag(tag: string): void {
    if (this.#state === 'args' && this.#json.inString) {
      this.#plain(tag)
      return
    }
    const inHead = this.#state === 'head' && tag === SEPARATOR && this.#head !== ''
    if (inHead) {
      this.#raw += tag
      this.#state = 'name'
      this.#tail = ''
      return
    }
    if (this.#state === 'name' || this.#state === 'args' || this.#state === 'broken') this.#abandon()
    if (tag === CALL) {
      this.#raw += tag
      this.#state = 'head'
      this.#head = ''
    } else if (tag === CALLS) {
      this.#abandon()
      this.#raw = tag
      this.#state = 'between'
    } else if (this.#state === 'closing') this.#state = tag === CALL_END ? 'between' : 'text'
    else if (this.#state === 'between' && tag === CALLS_END && this.#raw === '') this.#state = 'text'
    else {
      this.#raw += tag
      this.#abandon()
    }
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
    if (this.#state === 'closing') return
    if (this.#state === 'args') {
      this.#argsStep(char)
      return
    }
    const isSpace = this.#state === 'between' && /\s/.test(char)
    if (isSpace && this.#raw === '') return
    this.#raw += char
    if (isSpace) return
    if (this.#state === 'head' && this.#head.length < 64) this.#head += char
    else if (this.#state === 'name' && char === '{') this.#begin()
    else if (this.#state === 'name' && this.#tail.length < 128) this.#tail += char
    else this.#abandon()
  }

  /** V3.1 names the function before the separator; V3 and R1 behind it, where they open a block of code. */
  #begin(): void {
    const behind = this.#tail.replace(/```(?:json)?\s*$/, '').trim()
    const name = behind === '' ? this.#head.trim() : behind
    if (!NAME.test(name)) {
      this.#abandon()
      return
    }
    this.#raw = ''
    this.#sink.call(name)
    this.#state = 'args'
    this.#json = new JsonScanner()
    this.#argsStep('{')
  }

  #argsStep(char: string): void {
    const step = this.#json.push(char)
    this.#sink.args(char)
    if (step === 'end') {
      this.#sink.callEnd()
      this.#state = 'closing'
    } else if (step !== 'more') this.#state = 'broken'
  }
}
