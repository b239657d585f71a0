import { overlap } from './overlap.ts'

export interface Scanned {
  /** Text before the tag, or all that cannot be part of one. */
  readonly text: string
  /** The tag that was completed; absent: none yet. */
  readonly tag?: string
  /** Rest of the input, behind the tag. */
  readonly rest: string
}

/** Finds the first of some tags in a text that comes in pieces: holds back only a tail that could still become one. */
export class TagScanner {
  readonly #tags: readonly string[]
  #held = ''

  constructor(tags: readonly string[]) {
    this.#tags = tags
  }

  /** Scans a piece, in linear time. After a tag the scanner is as new; `rest` has not been looked at. */
  push(piece: string): Scanned {
    const text = this.#held + piece
    let first: { at: number; tag: string } | undefined
    for (const tag of this.#tags) {
      const at = text.indexOf(tag)
      if (at !== -1 && (first === undefined || at < first.at)) first = { at, tag }
    }
    if (first !== undefined) {
      this.#held = ''
      return { text: text.slice(0, first.at), tag: first.tag, rest: text.slice(first.at + first.tag.length) }
    }
    const hold = Math.max(0, ...this.#tags.map((tag) => overlap(text, tag)))
    this.#held = text.slice(text.length - hold)
    return { text: text.slice(0, text.length - hold), rest: '' }
  }

  /** Returns what was held back, when nothing more comes. */
  flush(): string {
    const text = this.#held
    this.#held = ''
    return text
  }
}
