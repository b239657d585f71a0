import type { TokenLogprob } from '../token-logprob.ts'

/** A sampled token with its log probability. */
export interface ScoredToken {
  readonly token: number
  /** Text that the token added: none when it is a part of a character, or has no text. */
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
  /** End of the content that take() has returned tokens of, in the raw text; undefined before the content. */
  #takenTo: number | undefined

  push(scored: ScoredToken): void {
    const start = this.#length
    this.#length += scored.text.length
    this.#waiting.push({ scored, start, end: this.#length })
  }

  /** Takes the tokens of the next `length` characters. @param contentStart where in the raw text the content begins. */
  take(length: number, contentStart: number): ScoredToken[] {
    this.#skipTo(contentStart)
    const until = (this.#takenTo ?? contentStart) + length
    this.#takenTo = until
    const held = this.#waiting.findIndex(({ start }) => start >= until)
    return this.#waiting.splice(0, held === -1 ? this.#waiting.length : held).map(({ scored }) => scored)
  }

  /** Takes the tokens that are left at the end: no text came of them. */
  rest(contentStart: number): ScoredToken[] {
    this.#skipTo(contentStart)
    return this.#waiting.splice(0).map(({ scored }) => scored)
  }

  #skipTo(contentStart: number): void {
    if (this.#takenTo !== undefined || contentStart === 0) return
    this.#takenTo = contentStart
    this.#waiting = this.#waiting.filter(({ start, end }) => start >= contentStart || end > contentStart)
  }
}
