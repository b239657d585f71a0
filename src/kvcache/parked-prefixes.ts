import { assertInvariant } from '../base/assert-invariant.ts'
import { type Prefix, sharedTokens } from './prefix.ts'

/** A prefix whose keys and values are offloaded: kept outside of the slots. */
export interface Parked extends Prefix {
  readonly id: number
}

interface Place extends Parked {
  bytes: number
}

/** Parked prefixes at most: each lookup compares with all of them. */
const MAX_PLACES = 1000

/**
 * Keeps account of the prefixes that are parked outside of the slots, within a capacity; the least recently used are evicted
 * first. Moves no bytes itself.
 */
export class ParkedPrefixes {
  readonly #capacity: number
  /** Parked prefixes, the least recently used first. */
  readonly #places = new Set<Place>()
  #bytes = 0
  /** Bytes a token takes; 0 until the first prefix was written. */
  #tokenBytes = 0
  #ids = 0

  /** @param capacity bytes */
  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get bytes(): number {
    return this.#bytes
  }
  get count(): number {
    return this.#places.size
  }

  /** The parked prefix that has most tokens in common with a prompt, and how many. */
  find(prompt: Prefix): { readonly parked: Parked; readonly shared: number } | undefined {
    let best: { parked: Parked; shared: number } | undefined
    for (const parked of this.#places) {
      const shared = sharedTokens(parked, prompt)
      if (shared > (best?.shared ?? 0)) best = { parked, shared }
    }
    return best
  }

  /** Whether all of a prefix is parked already. */
  holds(prefix: Prefix): boolean {
    return (this.find(prefix)?.shared ?? 0) === prefix.tokens.length
  }

  /** Whether so many tokens fit into the capacity: what does not would be erased as soon as it is written. */
  takes(tokens: number): boolean {
    return tokens * this.#tokenBytes <= this.#capacity
  }

  /** Adds a prefix, which counts no bytes until stored(). */
  add({ scope, tokens }: Prefix): Parked {
    const place = { id: ++this.#ids, scope, tokens, bytes: 0 }
    this.#places.add(place)
    return place
  }

  /** Marks a parked prefix as the most recently used. */
  use(parked: Parked): void {
    const place = this.#placeOf(parked)
    if (place === undefined) return
    this.#places.delete(place)
    this.#places.add(place)
  }

  /** Counts a prefix that has been written. Returns what to erase: prefixes that it contains, and what is over the capacity. */
  stored(parked: Parked, bytes: number): Parked[] {
    const place = this.#placeOf(parked)
    if (place === undefined) return [parked]
    place.bytes = bytes
    this.#bytes += bytes
    this.#tokenBytes = bytes / place.tokens.length
    const leaving: Place[] = []
    for (const other of this.#places) {
      if (other !== place && sharedTokens(other, place) === other.tokens.length) leaving.push(other)
    }
    for (const other of leaving) this.drop(other)
    for (const other of this.#places) {
      if (this.#bytes <= this.#capacity && this.#places.size <= MAX_PLACES) break
      leaving.push(other)
      this.drop(other)
    }
    return leaving
  }

  drop(parked: Parked): void {
    const place = this.#placeOf(parked)
    if (place === undefined) return
    this.#places.delete(place)
    this.#bytes -= place.bytes
  }

  /** @throws Error when the count of bytes is wrong, or over the capacity. */
  checkInvariants(): void {
    let bytes = 0
    for (const place of this.#places) bytes += place.bytes
    assertInvariant(bytes === this.#bytes, `${bytes} bytes are parked, not ${this.#bytes}`)
    assertInvariant(bytes <= this.#capacity, `${bytes} bytes are parked, of at most ${this.#capacity}`)
  }

  #placeOf(parked: Parked): Place | undefined {
    const place = parked as Place
    return this.#places.has(place) ? place : undefined
  }
}
