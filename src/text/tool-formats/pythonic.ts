import { TagScanner } from '../scan/tag-scanner.ts'
import { pythonArguments } from './python-literal.ts'
import type { CallSink, OfferedTools, ToolFormat, ToolParser } from './tool-format.ts'

const [LFM_START, LFM_END] = ['<|tool_call_start|>', '<|tool_call_end|>']
const START = ['<|python_start|>', LFM_START]
const END = ['<|python_end|>', LFM_END]

/** Without a start tag calls must be the answer's beginning, in either. A call is sent whole, as its arguments are made into JSON. */
const both = {
  markers: [...START, ...END],
  parser: (sink: CallSink, offered: OfferedTools): ToolParser =>
    new PythonicParser(sink, (name) => offered.has(name)),
}
const inList = {
  arguments: 'keywords',
  open: (name: string): string => `${name}(`,
  close: ')',
  between: ', ',
} as const

/** LFM2: <|tool_call_start|>[f(a=1, b="x"), g()]<|tool_call_end|>. */
export const pythonicTagged: ToolFormat = {
  ...both,
  name: 'pythonic-tags',
  recognises: (template) => template.includes(LFM_START),
  notation: { ...inList, mark: LFM_START, begin: `${LFM_START}[`, end: `]${LFM_END}` },
}

/** Llama 3.2 (1B, 3B), Llama 4: the answer is [f(a=1, b="x"), g()], perhaps between tags. Names must be of offered tools. */
export const pythonic: ToolFormat = {
  ...both,
  name: 'pythonic',
  recognises: (template) => /\[func(?:tion)?_name1\(/.test(template),
  notation: {
    ...inList,
    begin: '[',
    end: ']',
    leading: { opening: (name) => ['[', `${name}(`], rest: '', behind: START },
  },
}

/** `before`: where a list may begin; `name`, `args`: in a call; `between`: behind one; `text`: where only a tag begins a list. */
type State = 'before' | 'name' | 'args' | 'between' | 'text'

const OPENERS = '([{'
const CLOSERS = ')]}'

class PythonicParser implements ToolParser {
  readonly #sink: CallSink
  readonly #isTool: (name: string) => boolean
  readonly #scanner = new TagScanner([...START, ...END])
  #state: State = 'before'
  /** What is text if no call comes of it. */
  #raw = ''
  #name = ''
  #args = ''
  #depth = 0
  #quote = ''
  #escaped = false

  constructor(sink: CallSink, isTool: (name: string) => boolean) {
    this.#sink = sink
    this.#isTool = isTool
  }

  push(text: string): void {
    for (let rest = text; rest !== ''; ) {
      const { text: plain, tag, rest: behind } = this.#scanner.push(rest)
      this.#plain(plain)
      if (tag !== undefined) this.#tag(tag)
      rest = behind
    }
  }

  end(): void {
    this.#plain(this.#scanner.flush())
    this.#giveUp()
  }

  #tag(tag: string): void {
    // Inside a string of the arguments it is what the model writes about.
    if (this.#state === 'args' && this.#quote !== '') {
      this.#plain(tag)
      return
    }
    const closes = END.includes(tag) && this.#state === 'text' && this.#raw === ''
    this.#giveUp()
    if (closes) return
    this.#state = 'before'
    this.#raw = START.includes(tag) ? tag : ''
  }

  #plain(text: string): void {
    for (let at = 0; at < text.length; at++) {
      if (this.#state === 'text') {
        this.#sink.text(text.slice(at))
        return
      }
      this.#raw += text.charAt(at)
      this.#char(text.charAt(at))
    }
  }

  #char(char: string): void {
    if (this.#state === 'args') {
      this.#argsStep(char)
      return
    }
    if (this.#state === 'name') {
      this.#nameStep(char)
      return
    }
    if (/\s/.test(char)) return
    if (this.#state === 'before' && char === '[') {
      this.#enterName()
      return
    }
    if (this.#state === 'between' && char === ',') {
      this.#enterName()
      return
    }
    if (this.#state === 'between' && char === ']') this.#raw = ''
    this.#giveUp()
  }

  #enterName(): void {
    this.#state = 'name'
    this.#name = ''
  }

  #nameStep(char: string): void {
    if (/[\w.-]/.test(char) && this.#name.length < 64) this.#name += char
    else if (char === '(' && this.#isTool(this.#name)) {
      this.#state = 'args'
      this.#args = ''
      this.#depth = 1
      this.#quote = ''
    } else if (!(/\s/.test(char) && this.#name === '')) this.#giveUp()
  }

  #argsStep(char: string): void {
    if (this.#quote !== '') this.#stringStep(char)
    else if (char === '"' || char === "'") this.#quote = char
    else if (OPENERS.includes(char)) this.#depth++
    else if (CLOSERS.includes(char)) this.#depth--
    if (this.#depth > 0) this.#args += char
    else this.#complete()
  }

  #stringStep(char: string): void {
    if (this.#escaped) this.#escaped = false
    else if (char === '\\') this.#escaped = true
    else if (char === this.#quote) this.#quote = ''
  }

  #complete(): void {
    this.#sink.call(this.#name)
    this.#sink.args(pythonArguments(this.#args) ?? this.#args)
    this.#sink.callEnd()
    this.#raw = ''
    this.#state = 'between'
  }

  #giveUp(): void {
    if (this.#raw !== '') this.#sink.text(this.#raw)
    this.#raw = ''
    this.#state = 'text'
  }
}
