/** Calls between two collections. A collection takes some 20 ms: 20 us a call. */
const CALLS = 1000

/**
 * Collects V8's garbage every so many calls. Each call leaves half a kilobyte in V8's old space, which V8 does not collect for tens
 * of thousands of calls: by then 50 MB are 110.
 */
export class PeriodicGc {
  readonly #collect: () => void
  #calls = 0

  /** @throws Error in a process that was started without --expose-gc. */
  constructor(collect = globalThis.gc) {
    if (collect === undefined) throw new Error('started without --expose-gc')
    this.#collect = () => collect()
  }

  /** Counts a call, after its answer was sent. */
  onCall(): void {
    if (++this.#calls % CALLS === 0) setImmediate(this.#collect)
  }
}
