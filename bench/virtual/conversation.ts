import { integer, random, seedOf } from '../workload/random.ts'
import type { Session } from '../workload/workload.ts'

/** A session in token ids, with what has been said so far. */
export class Conversation {
  readonly group: string
  readonly index: number
  readonly turns: number
  readonly #session: Session
  #history: readonly number[]

  constructor(session: Session, index: number) {
    this.#session = session
    this.group = session.group
    this.index = index
    this.turns = session.turns.length
    this.#history = session.prefix === undefined ? [] : idsOf(session.prefix.seed, session.prefix.tokens)
  }

  ask(turn: number): { readonly prompt: readonly number[]; readonly outputTokens: number } {
    const { promptTokens = 1, outputTokens = 1 } = this.#session.turns[turn] ?? {}
    const prompt = [...this.#history, ...idsOf(seedOf(this.#session.seed, turn), promptTokens)]
    return { prompt, outputTokens }
  }

  /** `tokens`: the prompt and its answer, as the server holds them. */
  answer(tokens: readonly number[]): void {
    this.#history = [...tokens]
  }
}

function idsOf(seed: number, tokens: number): number[] {
  const draw = random(seed)
  return Array.from({ length: tokens }, () => integer(draw, 0, 31_999))
}
