import { TagScanner } from './tag-scanner.ts'
import { TrailingSpace } from './trailing-space.ts'

/** Tags around a thought. */
export interface ReasoningTags {
  readonly open: string
  readonly close: string
}

const THINK: ReasoningTags = { open: '<think>', close: '</think>' }

/** Tags that a family's model writes, and the marks of its template where that does not spell them. */
interface FamilyTags extends ReasoningTags {
  readonly marks?: readonly (readonly string[])[]
}

/** Tags of model families: DeepSeek, Qwen, Granite and most others; Magistral; Seed-OSS; Command. The first that fits counts. */
const reasoningTags: readonly FamilyTags[] = [
  THINK,
  { open: '[THINK]', close: '[/THINK]' },
  { open: '<seed:think>', close: '</seed:think>' },
  { open: '<|START_THINKING|>', close: '<|END_THINKING|>' },
  // MiniMax M3; Hunyuan 3 and Kimi K3, whose templates put the tags together.
  { open: '<mm:think>', close: '</mm:think>' },
  { open: '<think:opensource>', close: '</think:opensource>', marks: [["'<think{}>'", "':opensource'"]] },
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
  const has = (text: string): boolean => template.includes(text)
  const found = reasoningTags.find(
    ({ open, close, marks = [] }) => has(open) || has(close) || marks.some((all) => all.every(has)),
  )
  return found && { open: found.open, close: found.close }
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
  #scanner: TagScanner
  #state: State
  #begun = false
  #received = 0
  /** Offset in all that was pushed at which the answer begins; undefined before it does. */
  #answerStart: number | undefined

  /** @param open the prompt has opened the thought already. */
  constructor(
    tags: ReasoningTags,
    open: boolean,
    onThought: (text: string) => void,
    onAnswer: (text: string) => void,
  ) {
    this.#tags = tags
    this.#onThought = onThought
    this.#onAnswer = onAnswer
    this.#state = open ? 'thought' : 'start'
    this.#scanner = new TagScanner(open ? [tags.close] : [tags.open, tags.close])
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
      if (this.#state === 'answer') {
        this.#onAnswer(rest)
        return
      }
      if (this.#state === 'behind') {
        this.#behind(rest)
        return
      }
      const scanned = this.#scanner.push(rest)
      rest = scanned.rest
      if (this.#state === 'start') rest = this.#start(scanned.text, scanned.tag, rest)
      else this.#thought(scanned.text, scanned.tag)
    }
  }

  end(): void {
    const held = this.#scanner.flush()
    if (this.#state === 'start') {
      this.#answerStart = 0
      this.#onAnswer(this.#space.take() + held)
    } else if (this.#state === 'thought') this.#thought(held, undefined)
  }

  /** Returns what is still to be read. */
  #start(text: string, tag: string | undefined, rest: string): string {
    const words = this.#space.push(text)
    if (words !== '') {
      const answer = words + this.#space.take() + (tag ?? this.#scanner.flush()) + rest
      this.#state = 'answer'
      this.#answerStart = 0
      return answer
    }
    if (tag !== undefined) {
      this.#space.take()
      this.#state = tag === this.#tags.open ? 'thought' : 'behind'
      this.#scanner = new TagScanner([this.#tags.close])
    }
    return rest
  }

  #thought(text: string, tag: string | undefined): void {
    const words = this.#space.push(this.#begun ? text : text.trimStart())
    if (words !== '') {
      this.#begun = true
      this.#onThought(words)
    }
    if (tag === undefined) return
    this.#space.take()
    this.#state = 'behind'
  }

  #behind(text: string): void {
    const words = text.trimStart()
    if (words === '') return
    this.#state = 'answer'
    this.#answerStart = this.#received - words.length
    this.#onAnswer(words)
  }
}
