/** Holds back the white space that a text ends with, until it is known what comes behind. Linear, whatever the pieces. */
export class TrailingSpace {
  #held = ''

  /** What is sure to be wanted: all but the white space at the end. */
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
