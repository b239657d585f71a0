import type { TokenLogprob } from '../token-logprob.ts'

/** A sampled token, and what the model thought of it. */
export interface ScoredToken {
  readonly token: number
  /** What it added to the text: nothing when it is a part of a character, or has no text. */
  readonly text: string
  readonly logprob: TokenLogprob
}

interface Placed {
  readonly scored: ScoredToken
  readonly start: number
  readonly end: number
}

/**
 * Finds the tokens that a piece of content is made of. Content is one stretch of the raw text: a thought may lie before
 * it, and calls behind it. A token that only ends a character comes with those that began it.
 */
export class ContentTokens {
  #waiting: Placed[] = []
  #length = 0
  #told: number | undefined

  push(scored: ScoredToken): void {
    const start = this.#length
    this.#length += scored.text.length
    this.#waiting.push({ scored, start, end: this.#length })
  }

  /** Those of the next `length` characters. @param contentStart where in the raw text the content begins. */
  take(length: number, contentStart: number): ScoredToken[] {
    this.#skipTo(contentStart)
    const until = (this.#told ?? contentStart) + length
    this.#told = until
    const held = this.#waiting.findIndex(({ start }) => start >= until)
    return this.#waiting.splice(0, held === -1 ? this.#waiting.length : held).map(({ scored }) => scored)
  }

  /** Those that no text came of. */
  rest(contentStart: number): ScoredToken[] {
    this.#skipTo(contentStart)
    return this.#waiting.splice(0).map(({ scored }) => scored)
  }

  #skipTo(contentStart: number): void {
    if (this.#told !== undefined || contentStart === 0) return
    this.#told = contentStart
    this.#waiting = this.#waiting.filter(({ start, end }) => start >= contentStart || end > contentStart)
  }
}
