/** Holds back the white space that a text ends with, until it is known what comes behind. Linear, whatever the pieces. */
export class TrailingSpace {
  #held = ''

  /** Returns the text up to the white space at its end, with what was held back before it. */
  push(text: string): string {
    const kept = text.trimEnd()
    if (kept === '') {
      this.#held += text
      return ''
    }
    const out = this.#held + kept
    this.#held = text.slice(kept.length)
    return out
  }

  /** Returns what was held back, and forgets it. */
  take(): string {
    const held = this.#held
    this.#held = ''
    return held
  }
}
