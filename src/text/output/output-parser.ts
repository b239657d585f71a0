import type { CallSink, ToolParser } from '../scan/call-sink.ts'
import { ReasoningSplitter, type ReasoningTags } from '../scan/reasoning.ts'
import { TrailingSpace } from '../scan/trailing-space.ts'
import { toolFormatNamed } from '../tool-formats/formats.ts'
import type { OfferedTools } from '../tool-formats/tool-format.ts'
import type { ScoredToken } from './content-tokens.ts'

/** Format of one answer's text. Without a part of it, that part is read as content. */
export interface OutputFormat {
  /** `opened`: the prompt ends inside a thought; `begun`: in the middle of its text, or of the answer's. */
  readonly reasoning?: { readonly tags: ReasoningTags; readonly opened: boolean; readonly begun?: boolean }
  readonly tools?: ToolOutput
  /** Control tokens whose text is read as markup: token id to text. */
  readonly markers?: ReadonlyMap<number, string>
}

export interface ToolOutput {
  readonly format: string
  readonly offered: OfferedTools
  /** Whether the answer is over after its first call. */
  readonly single: boolean
  /** Whether the answer is calls and nothing else: what is no call yet when it is cut is no content either. Default false. */
  readonly forced?: boolean | undefined
  /** Text that an answer with calls begins with: any other answer is content. Default: calls are looked for everywhere. */
  readonly opening?: string | undefined
}

/** Calls of an answer, as many as a conversation takes back in one message. */
const MAX_CALLS = 128
/** Times that an answer may make the same call: a model that goes on with it would do so until its context is full. */
const MAX_SAME_CALLS = 3

/** A piece of an answer. Calls are numbered from 0; `arguments` belongs to the call that began last. */
export type OutputPart =
  /** `tokens`: those of the text, where log probabilities are wanted. */
  | { readonly type: 'text'; readonly text: string; readonly tokens?: readonly ScoredToken[] }
  | { readonly type: 'reasoning'; readonly text: string }
  | { readonly type: 'call'; readonly call: number; readonly name: string }
  | { readonly type: 'arguments'; readonly call: number; readonly text: string }

/**
 * Splits a model's text, piece by piece, into thought, content and calls. The parts do not depend on how the text
 * was cut. Content ends where the first call begins: white space before it and text after it are left out.
 */
export class OutputParser {
  readonly #splitter: ReasoningSplitter | undefined
  /** undefined: what follows is content. */
  #tools: ToolParser | undefined
  #opening: string
  /** Text held back until it is known whether the answer begins with its opening. */
  #begun = ''
  readonly #single: boolean
  readonly #forced: boolean
  /** Whether something may lie before the content. */
  readonly #leads: boolean
  readonly #space = new TrailingSpace()
  #parts: OutputPart[] = []
  #calls = 0
  /** The last call, with what is known of its arguments, and how often each call was made. */
  #call = ''
  readonly #made = new Map<string, number>()
  #done = false

  constructor({ reasoning, tools }: OutputFormat) {
    this.#single = tools?.single ?? false
    this.#forced = tools?.forced ?? false
    const format = tools && toolFormatNamed(tools.format)
    this.#tools = tools && format?.parser(this.#sink(), tools.offered)
    this.#opening = tools?.opening ?? ''
    this.#leads = format?.lead !== undefined
    this.#splitter =
      reasoning === undefined || format?.thought !== undefined
        ? undefined
        : new ReasoningSplitter(
            reasoning.tags,
            reasoning.opened,
            (text) => this.#add({ type: 'reasoning', text }),
            (text) => this.#answer(text),
            reasoning.begun,
          )
  }

  /** True while a thought is open. */
  get inThought(): boolean {
    return this.#tools?.inThought ?? this.#splitter?.inThought ?? false
  }

  /** True when the answer is over, whatever the model would still write. */
  get done(): boolean {
    return this.#done
  }

  /** Position in the raw text at which the content begins; undefined before that, and where there is none. */
  get contentStart(): number | undefined {
    if (this.#forced) return undefined
    const answer = this.#splitter === undefined ? 0 : this.#splitter.answerStart
    const content = this.#leads ? this.#tools?.contentStart : 0
    return answer === undefined || content === undefined ? undefined : answer + content
  }

  get hasCalls(): boolean {
    return this.#calls > 0
  }

  push(text: string): OutputPart[] {
    if (text === '') return []
    if (this.#splitter === undefined) this.#answer(text)
    else this.#splitter.push(text)
    return this.#take()
  }

  /** The parts held back, when nothing more comes. */
  flush(): OutputPart[] {
    this.#splitter?.end()
    if (this.#begun !== '') this.#decide()
    this.#tools?.end()
    if (this.#calls === 0) this.#add({ type: 'text', text: this.#space.take() })
    return this.#take()
  }

  #answer(text: string): void {
    if (this.#opening !== '') {
      this.#begun += text
      if (this.#begun.length >= this.#opening.length || !this.#opening.startsWith(this.#begun)) this.#decide()
    } else if (this.#tools === undefined) this.#add({ type: 'text', text })
    else this.#tools.push(text)
  }

  #decide(): void {
    if (!this.#begun.startsWith(this.#opening)) this.#tools = undefined
    this.#opening = ''
    this.#answer(this.#begun)
    this.#begun = ''
  }

  #sink(): CallSink {
    return {
      text: (text) => {
        if (this.#calls === 0 && !this.#forced) this.#add({ type: 'text', text: this.#space.push(text) })
      },
      thought: (text) => {
        if (this.#calls === 0) this.#add({ type: 'reasoning', text })
      },
      call: (name) => {
        this.#call = `${name} `
        this.#add({ type: 'call', call: this.#calls++, name })
      },
      args: (text) => {
        this.#call += text
        this.#add({ type: 'arguments', call: this.#calls - 1, text })
      },
      callEnd: () => {
        const made = (this.#made.get(this.#call) ?? 0) + 1
        this.#made.set(this.#call, made)
        if (this.#single || made === MAX_SAME_CALLS || this.#calls === MAX_CALLS) this.#done = true
      },
    }
  }

  /** Adds a part; text of the same kind as the last part is joined to it. */
  #add(part: OutputPart): void {
    if (this.#done || (part.type !== 'call' && part.text === '')) return
    const last = this.#parts.at(-1)
    const joined = last === undefined ? undefined : join(last, part)
    if (joined === undefined) this.#parts.push(part)
    else this.#parts[this.#parts.length - 1] = joined
  }

  #take(): OutputPart[] {
    const parts = this.#parts
    this.#parts = []
    return parts
  }
}

/** Two parts of the same kind of text as one; undefined for others. */
export function join(first: OutputPart, second: OutputPart): OutputPart | undefined {
  if (first.type === 'call' || second.type === 'call' || first.type !== second.type) return undefined
  const text = first.text + second.text
  if (first.type !== 'text' || second.type !== 'text' || first.tokens === undefined) return { ...first, text }
  return { ...first, text, tokens: [...first.tokens, ...(second.tokens ?? [])] }
}
