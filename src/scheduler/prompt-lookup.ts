/** Tokens that have to repeat for what followed them to be drafted. */
const CONTEXT = 3
/** Tokens of the first draft, and of the longest. */
const FIRST_LENGTH = 4
const MAX_LENGTH = 12
/** Tokens without a draft after one that was all wrong; doubled each time, up to the longest. */
const FIRST_REST = 8
const LONGEST_REST = 256

/**
 * Drafts the next tokens of one sequence by prompt lookup: what followed the last time that its last three tokens occurred, in
 * its own text or in a predicted one. Drafts grow while they are accepted, and pause when they are rejected.
 */
export class PromptLookup {
  /** A predicted output; then all tokens of the sequence. */
  readonly #text: number[]
  readonly #predicted: number
  /** Index after the last occurrence of three tokens, by these tokens. */
  readonly #next = new Map<string, number>()
  #indexed = 0
  #length = FIRST_LENGTH
  #rest = 0
  #restAfter = FIRST_REST

  /** @param prediction Tokens that the output is expected to be like. */
  constructor(prediction: readonly number[] = []) {
    this.#text = [...prediction]
    this.#predicted = prediction.length
    this.#index(prediction.length)
  }

  /**
   * @param tokens of the sequence; only ever longer than at the last call.
   * @returns at most `limit` tokens; none when there is no draft.
   */
  propose(tokens: readonly number[], limit: number): readonly number[] {
    for (let at = this.#text.length - this.#predicted; at < tokens.length; at++)
      this.#text.push(tokens[at] ?? 0)
    // The last three themselves are not indexed yet: they are what is looked up.
    this.#index(this.#text.length - 1)
    const wanted = Math.min(limit, this.#length)
    if (this.#rest > 0 || wanted < 1 || tokens.length < CONTEXT) {
      this.#rest = Math.max(0, this.#rest - 1)
      return []
    }
    const from = this.#next.get(this.#key(this.#text.length))
    if (from === undefined) return []
    if (from <= this.#predicted) return this.#text.slice(from, Math.min(from + wanted, this.#predicted))
    // A text that repeats itself runs on into the draft.
    const draft = this.#text.slice(from, from + wanted)
    while (draft.length < wanted) draft.push(draft[draft.length - (this.#text.length - from)] ?? 0)
    return draft
  }

  /** Adapts the length of drafts to how many tokens of the last one were accepted. */
  learn(drafted: number, accepted: number): void {
    if (accepted === 0) {
      this.#rest = this.#restAfter
      this.#restAfter = Math.min(LONGEST_REST, 2 * this.#restAfter)
      this.#length = FIRST_LENGTH
      return
    }
    this.#restAfter = FIRST_REST
    this.#length = accepted === drafted ? Math.min(MAX_LENGTH, 2 * this.#length) : Math.max(2, accepted)
  }

  /** Indexes every three tokens that end before `end`, none of them across the border between prediction and sequence. */
  #index(end: number): void {
    for (; this.#indexed < end; this.#indexed++) {
      const after = this.#indexed + 1
      const begin = after <= this.#predicted ? 0 : this.#predicted
      if (after - begin >= CONTEXT) this.#next.set(this.#key(after), after)
    }
  }

  #key(end: number): string {
    return `${this.#text[end - 3]},${this.#text[end - 2]},${this.#text[end - 1]}`
  }
}
