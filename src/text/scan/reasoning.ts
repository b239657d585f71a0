import { TagScanner } from './tag-scanner.ts'
import { TrailingSpace } from './trailing-space.ts'

/** Tags around a thought, and what else stands between it and the answer. */
export interface ReasoningTags {
  /** Empty: every answer begins with a thought. */
  readonly open: string
  readonly close: string
  /** Tags that end a thought, too, and belong to what follows. Default none. */
  readonly breaks?: readonly string[]
  /** Tags around the answer, no part of it, the first of which may be missing. Default none. */
  readonly answer?: { readonly open?: string; readonly close: string }
}

const THINK: ReasoningTags = { open: '<think>', close: '</think>' }

/** Tags that a family's model writes, and what its template is known by. */
interface FamilyTags extends ReasoningTags {
  /** Texts that a template has, all of one list. Default: one of the two tags. */
  readonly marks?: readonly (readonly string[])[]
}

/** Tags of model families. The first whose marks a template has count. */
const families: readonly FamilyTags[] = [
  // With tags around answers, too: Command (two generations), Solar, Apriel.
  {
    open: '<|START_THINKING|>',
    close: '<|END_THINKING|>',
    answer: { open: '<|START_RESPONSE|>', close: '<|END_RESPONSE|>' },
    marks: [['<|START_RESPONSE|>']],
  },
  {
    open: '<|START_THINKING|>',
    close: '<|END_THINKING|>',
    answer: { open: '<|START_TEXT|>', close: '<|END_TEXT|>' },
    marks: [['<|START_TEXT|>']],
  },
  {
    open: '<|think|>',
    close: '<|end|><|begin|>assistant',
    answer: { open: '<|content|>', close: '<|end|>' },
    marks: [['<|begin|>assistant<|think|>']],
  },
  {
    open: '',
    close: '[BEGIN FINAL RESPONSE]',
    answer: { close: '[END FINAL RESPONSE]' },
    marks: [['[BEGIN FINAL RESPONSE]']],
  },
  // DeepSeek, Qwen, Granite and most others; Magistral; Seed-OSS; Command.
  THINK,
  { open: '[THINK]', close: '[/THINK]' },
  { open: '<seed:think>', close: '</seed:think>' },
  { open: '<|START_THINKING|>', close: '<|END_THINKING|>' },
  // Gemma 4, and Apertus, which may call functions inside a thought.
  { open: '<|channel>thought', close: '<channel|>' },
  { open: '<|inner_prefix|>', close: '<|inner_suffix|>', breaks: ['<|tools_prefix|>'] },
  // MiniMax M3; Hunyuan 3 and Kimi K3, whose templates put the tags together.
  { open: '<mm:think>', close: '</mm:think>' },
  {
    open: '<think:opensource>',
    close: '</think:opensource>',
    marks: [['<think:opensource>'], ["'<think{}>'", "':opensource'"]],
  },
  {
    open: '<|open|>think<|sep|>',
    close: '<|close|>think<|sep|>',
    marks: [["'<|open|>'", "open_tag('think')"]],
  },
  // MiMo and MiniMax M1, whose templates are silent about thoughts.
  { ...THINK, marks: [['You are MiMo'], ['MiniMax-M1 model']] },
]

/** The tags that a chat template writes or looks for; undefined when its model does not think in tags. */
export function recogniseReasoning(template: string): ReasoningTags | undefined {
  for (const { marks, ...tags } of families)
    if ((marks ?? [[tags.open], [tags.close]]).some((all) => all.every((text) => template.includes(text))))
      return tags
  return undefined
}

/** All tags of a family, without those that are empty. */
export function allTags({ open, close, breaks = [], answer }: ReasoningTags): string[] {
  return [open, close, ...breaks, answer?.open ?? '', answer?.close ?? ''].filter((tag) => tag !== '')
}

/** Whether a rendered prompt leaves the model inside a thought. */
export function endsInThought(prompt: string, { open }: ReasoningTags): boolean {
  return prompt.trimEnd().endsWith(open)
}

/** State of a splitter. `start`: nothing but white space so far; `behind`: white space after the thought. */
type State = 'start' | 'thought' | 'behind' | 'answer'

/**
 * Splits a text into the thought it begins with and the answer behind it, without the tags and the white space around
 * them. One thought, at the beginning: tags further on are text. A thought that never ends is a thought, and one that ends
 * before it begins is empty: some models answer so when they do not think.
 */
export class ReasoningSplitter {
  readonly #tags: ReasoningTags
  readonly #onThought: (text: string) => void
  readonly #onAnswer: (text: string) => void
  readonly #space = new TrailingSpace()
  #scanner = new TagScanner([])
  #state: State = 'start'
  #begun: boolean
  #received = 0
  /** Offset in all that was pushed at which the answer begins; undefined before it does. */
  #answerStart: number | undefined
  /** The tag behind the answer and white space behind it, which is text if more text comes. */
  #ending = ''

  /** @param open the prompt has opened the thought already. @param begun and it has some of its text. */
  constructor(
    tags: ReasoningTags,
    open: boolean,
    onThought: (text: string) => void,
    onAnswer: (text: string) => void,
    begun = false,
  ) {
    this.#begun = begun
    this.#tags = tags
    this.#onThought = onThought
    this.#onAnswer = onAnswer
    this.#enter(open ? 'thought' : 'start')
  }

  get inThought(): boolean {
    return this.#state === 'thought'
  }

  get answerStart(): number | undefined {
    return this.#answerStart
  }

  push(piece: string): void {
    this.#received += piece.length
    for (let rest = piece; rest !== ''; ) {
      const { text, tag, rest: behind } = this.#scanner.push(rest)
      if (this.#state === 'answer') rest = this.#answer(text, tag, behind)
      else if (this.#state === 'thought') rest = this.#thought(text, tag, behind)
      else rest = this.#before(text, tag, behind)
    }
  }

  end(): void {
    const held = this.#scanner.flush()
    if (this.#state === 'thought') this.#thought(held, undefined, '')
    else if (this.#state === 'answer') this.#answer(held, undefined, '')
    else if (this.#state === 'start' || held !== '') {
      const answer = this.#state === 'start' ? this.#space.take() + held : held
      this.#begin(answer.length)
      this.#answer(answer, undefined, '')
    }
  }

  #enter(state: State): void {
    const { open, close, breaks = [], answer } = this.#tags
    const opening = answer?.open === undefined ? [] : [answer.open]
    const tags: Readonly<Record<State, readonly string[]>> = {
      start: [open, close, ...opening].filter((tag) => tag !== ''),
      thought: [close, ...breaks],
      behind: opening,
      answer: answer === undefined ? [] : [answer.close],
    }
    this.#state = state
    this.#scanner = new TagScanner(tags[state])
    this.#space.take()
  }

  /** Begins the answer, of which so many characters have been received. */
  #begin(length: number): void {
    this.#answerStart = this.#received - length
    this.#enter('answer')
  }

  /** Reads what comes before the answer, or before the thought. Returns what is still to be read. */
  #before(text: string, tag: string | undefined, rest: string): string {
    const words = this.#space.push(text)
    if (words !== '') {
      const all = words + this.#space.take() + (tag ?? this.#scanner.flush()) + rest
      const answer = this.#state === 'start' ? all : all.trimStart()
      this.#begin(this.#state === 'start' ? this.#received : answer.length)
      return answer
    }
    if (tag === undefined) return rest
    if (tag === this.#tags.answer?.open) this.#begin(rest.length)
    else this.#enter(tag === this.#tags.open ? 'thought' : 'behind')
    return rest
  }

  #thought(text: string, tag: string | undefined, rest: string): string {
    const words = this.#space.push(this.#begun ? text : text.trimStart())
    if (words !== '') {
      this.#begun = true
      this.#onThought(words)
    }
    if (tag === undefined) return rest
    if (tag === this.#tags.close) {
      this.#enter('behind')
      return rest
    }
    this.#begin(tag.length + rest.length)
    return tag + rest
  }

  #answer(text: string, tag: string | undefined, rest: string): string {
    const ends = this.#ending !== '' && text.trim() === ''
    const words = this.#ending + text
    this.#ending = ends ? words : ''
    if (!ends && words !== '') this.#onAnswer(words)
    if (tag !== undefined) this.#ending += tag
    return rest
  }
}
