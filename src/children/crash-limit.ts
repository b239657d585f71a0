/** Counts crashes, and says when there are too many in too short a time for another restart to help. */
export class CrashLimit {
  readonly #most: number
  readonly #windowMs: number
  #times: number[] = []

  constructor(most: number, windowMs: number) {
    this.#most = most
    this.#windowMs = windowMs
  }

  /** True with the last crash that is tolerated. */
  reached(now: number): boolean {
    this.#times = [...this.#times.filter((time) => now - time < this.#windowMs), now]
    return this.#times.length >= this.#most
  }
}
