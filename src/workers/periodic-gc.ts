/** A collection takes some 20 ms, so that a call's share is 20 us. */
const CALLS = 1000

/**
 * Clears V8's heap away after so many calls. Each leaves half a kilobyte in V8's old space, where V8 does not look for tens of
 * thousands of calls: by then 50 MB are 110.
 */
export class PeriodicGc {
  readonly #collect: () => void
  #calls = 0

  /** @throws Error in a process that was started without --expose-gc. */
  constructor(collect = globalThis.gc) {
    if (collect === undefined) throw new Error('started without --expose-gc')
    this.#collect = () => collect()
  }

  /** When the call's answer is on its way. */
  onCall(): void {
    if (++this.#calls % CALLS === 0) setImmediate(this.#collect)
  }
}
