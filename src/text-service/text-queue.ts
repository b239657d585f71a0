import { FairQueue, type Queued } from '../base/fair-queue.ts'

/** A call that waits for a text process. */
export interface QueuedCall extends Queued {
  readonly kind: 'text' | 'grammar'
  /** Characters. */
  readonly size: number
}

/** Milliseconds of CPU that others get before a call goes up by one priority: bulk goes behind chats, but not for ever. */
const AGING_MS = 2000
/** Expected milliseconds of one tenant's waiting calls at most. */
const MAX_OWN_MS = 10_000
/** Expected milliseconds of all tenants' waiting calls at most. */
const MAX_ALL_MS = 60_000
/** Weight of a new measurement in the averages. */
const FRESH = 0.1
/** Characters below which their number hardly matters. */
const SHORT = 1000

interface Waiting {
  ms: number
  readonly weight: number
}

/**
 * Queue of calls for one text process. Tenants are served in turn, by the CPU time that they have had over their weights, and the
 * queue is bounded by the time that its calls are expected to take.
 */
export class TextQueue<Call extends QueuedCall> {
  readonly #queue = new FairQueue<Call>(AGING_MS)
  /** Expected milliseconds of waiting calls, by tenant. */
  readonly #waiting = new Map<string, Waiting>()
  /** Expected milliseconds of each waiting call. */
  readonly #expected = new Map<Call, number>()
  #allMs = 0
  /** Milliseconds by the clock of a text call, of each of its characters, and of a grammar; at first those of an idle machine. */
  #callMs = 1
  #characterMs = 0.0005
  #grammarMs = 10

  /** Calls that wait. */
  get size(): number {
    return this.#queue.size
  }

  waiting(): Iterable<Call> {
    return this.#queue.waiting()
  }

  /**
   * Adds a call, unless its tenant has too much waiting: more than its own bound, or than what is left of the bound of all. A
   * tenant that has nothing waiting always gets in.
   * @returns milliseconds after which there is likely to be room for a refused call; undefined: it waits.
   */
  enter(call: Call): number | undefined {
    const { tenant, weight } = call.share
    const ms = this.#expect(call)
    const own = this.#waiting.get(tenant)
    const room = Math.min(MAX_OWN_MS, MAX_ALL_MS - this.#allMs)
    if (own !== undefined && own.ms + ms > room) return this.#timeFor(own.ms + ms - room, weight)
    this.#queue.add(call)
    this.#expected.set(call, ms)
    this.#waiting.set(tenant, { ms: (own?.ms ?? 0) + ms, weight })
    this.#allMs += ms
    return undefined
  }

  /** Takes the next call out of the queue. done() has to follow. */
  next(): Call | undefined {
    const call = this.#queue.next(new Set())
    if (call === undefined) return undefined
    this.#queue.admit(call, 0)
    this.#forget(call)
    return call
  }

  /** Charges a call that next() returned. @param cpuMs CPU that it took. @param ms time that it took by the clock. */
  done(call: Call, cpuMs: number, ms: number): void {
    this.#queue.charge(call, cpuMs)
    this.#queue.remove(call)
    if (call.kind === 'grammar') this.#grammarMs += FRESH * (ms - this.#grammarMs)
    else if (call.size < SHORT) this.#callMs += FRESH * (ms - this.#callMs)
    else {
      const characterMs = Math.max(0, ms - this.#callMs) / call.size
      this.#characterMs += FRESH * (characterMs - this.#characterMs)
    }
  }

  /** Removes a call whose request is gone. False when it does not wait. */
  leave(call: Call): boolean {
    if (!this.#expected.has(call)) return false
    this.#queue.remove(call)
    this.#forget(call)
    return true
  }

  /** Milliseconds that a call is expected to take: whole ones, so that sums are exact. */
  #expect({ kind, size }: Call): number {
    return Math.max(
      1,
      Math.ceil(kind === 'grammar' ? this.#grammarMs : this.#callMs + size * this.#characterMs),
    )
  }

  #forget(call: Call): void {
    const { tenant } = call.share
    const ms = this.#expected.get(call) ?? 0
    const own = this.#waiting.get(tenant)
    this.#expected.delete(call)
    this.#allMs -= ms
    if (own === undefined) return
    own.ms -= ms
    if (own.ms === 0) this.#waiting.delete(tenant)
  }

  /** Milliseconds in which so much of a tenant's work is done, beside all that other tenants have waiting. */
  #timeFor(ms: number, weight: number): number {
    let weights = 0
    for (const other of this.#waiting.values()) weights += other.weight
    return Math.min(this.#allMs, (ms * weights) / weight)
  }
}
