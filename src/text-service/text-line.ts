import { FairQueue, type Queued } from '../base/fair-queue.ts'

/** A call that waits. */
export interface LineCall extends Queued {
  readonly kind: 'text' | 'grammar'
  /** Characters. */
  readonly size: number
}

/** Milliseconds of CPU that others have before a call goes up by one priority: bulk goes behind chats, but not for ever. */
const AGING_MS = 2000
/** Milliseconds that a tenant's calls may have to wait for each other. */
const MAX_OWN_MS = 10_000
/** The same, of all tenants together. */
const MAX_ALL_MS = 60_000
/** Of what calls took, one of late counts for so much. */
const OF_LATE = 0.1
/** Characters below which their number hardly matters. */
const SHORT = 1000

interface Waiting {
  ms: number
  readonly weight: number
}

/**
 * Calls that wait for one text process. Tenants are served in turn, by the CPU time that they have had over their weights, and
 * what waits is bounded by the time that it is likely to take.
 */
export class TextLine<Call extends LineCall> {
  readonly #queue = new FairQueue<Call>(AGING_MS)
  /** By tenant. */
  readonly #waiting = new Map<string, Waiting>()
  /** Milliseconds that each is expected to take; of those that wait. */
  readonly #expected = new Map<Call, number>()
  #allMs = 0
  /** What calls take by the clock: each, with a part for each character, and a grammar. To begin with, on an idle machine. */
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
   * Takes a call, unless its tenant has as much waiting as it may: its own bound, or what is left of that of all, so that there
   * is always room for one more tenant. Who has nothing waiting is let in.
   * @returns milliseconds after which there is likely to be room for it; undefined: it waits.
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

  /** The next one, which waits no longer. done() has to follow. */
  next(): Call | undefined {
    const call = this.#queue.next(new Set())
    if (call === undefined) return undefined
    this.#queue.admit(call, 0)
    this.#forget(call)
    return call
  }

  /** One that had its turn. @param cpuMs that it took. @param ms how long it took by the clock. */
  done(call: Call, cpuMs: number, ms: number): void {
    this.#queue.charge(call, cpuMs)
    this.#queue.remove(call)
    if (call.kind === 'grammar') this.#grammarMs += OF_LATE * (ms - this.#grammarMs)
    else if (call.size < SHORT) this.#callMs += OF_LATE * (ms - this.#callMs)
    else {
      const characterMs = Math.max(0, ms - this.#callMs) / call.size
      this.#characterMs += OF_LATE * (characterMs - this.#characterMs)
    }
  }

  /** One that nobody waits for any more. False when it does not wait. */
  leave(call: Call): boolean {
    if (!this.#expected.has(call)) return false
    this.#queue.remove(call)
    this.#forget(call)
    return true
  }

  /** Whole milliseconds: sums of them are exact. */
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

  /** In which so much of a tenant's is done, beside all that others have waiting. */
  #timeFor(ms: number, weight: number): number {
    let weights = 0
    for (const other of this.#waiting.values()) weights += other.weight
    return Math.min(this.#allMs, (ms * weights) / weight)
  }
}
