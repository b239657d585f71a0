import type { Session, Workload } from '../workload/workload.ts'

/** Which session starts next. An open loop knows its moments; a closed loop has as many at a time as it has streams. */
export class Arrivals {
  readonly #sessions: readonly Session[]
  /** Indexes in order of arrival. */
  readonly #queue: number[]
  readonly open: boolean
  /** Of a closed loop. */
  #free: number

  constructor({ sessions, streams }: Workload) {
    this.#sessions = sessions
    this.open = streams === undefined
    this.#free = streams ?? 0
    const order = [...sessions.keys()]
    // From the end, so that the next is taken by pop().
    this.#queue = order.sort((a, b) => (this.open ? this.#at(b) - this.#at(a) : 0) || b - a)
  }

  session(index: number): Session {
    const session = this.#sessions[index]
    if (session === undefined) throw new RangeError(`there is no session ${index}`)
    return session
  }

  /** Takes the sessions that start now or should have. */
  *due(now: number): Generator<number> {
    for (;;) {
      const next = this.#queue.at(-1)
      if (next === undefined || (this.open ? this.#at(next) > now : this.#free === 0)) return
      this.#queue.pop()
      this.#free--
      yield next
    }
  }

  /** A session has ended. */
  end(): void {
    this.#free++
  }

  /** When the next session starts, in ms; undefined when none is left. */
  nextAt(): number | undefined {
    const next = this.#queue.at(-1)
    return next === undefined ? undefined : this.open ? this.#at(next) : 0
  }

  #at(index: number): number {
    return this.session(index).atMs
  }
}
