import { assertInvariant } from '../base/assert-invariant.ts'
import { type Prefix, sharedTokens } from './prefix.ts'

/** Tokens whose keys and values are kept outside of the slots. */
export interface Parked extends Prefix {
  readonly id: number
}

interface Place extends Parked {
  bytes: number
}

/** Each lookup compares with all of them. */
const MAX_PLACES = 1000

/** Which prefixes are parked outside of the slots, within a capacity; the least recently used ones leave first. Moves no bytes itself. */
export class ParkedPrefixes {
  readonly #capacity: number
  /** In order of use. */
  readonly #places = new Set<Place>()
  #bytes = 0
  /** What a token takes: known from the first one on that was written. */
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

  /** The one that shares the longest prefix with a prompt, and how many tokens that are. */
  find(prompt: Prefix): { readonly parked: Parked; readonly shared: number } | undefined {
    let best: { parked: Parked; shared: number } | undefined
    for (const parked of this.#places) {
      const shared = sharedTokens(parked, prompt)
      if (shared > (best?.shared ?? 0)) best = { parked, shared }
    }
    return best
  }

  /** Whether all of it is parked already. */
  holds(prefix: Prefix): boolean {
    return (this.find(prefix)?.shared ?? 0) === prefix.tokens.length
  }

  /** Whether so many tokens can be parked at all: nothing is written that would have to be erased at once. */
  takes(tokens: number): boolean {
    return tokens * this.#tokenBytes <= this.#capacity
  }

  /** Takes a place, which costs nothing until stored(). */
  add({ scope, tokens }: Prefix): Parked {
    const place = { id: ++this.#ids, scope, tokens, bytes: 0 }
    this.#places.add(place)
    return place
  }

  /** Marks it as the most recently used. */
  use(parked: Parked): void {
    const place = this.#placeOf(parked)
    if (place === undefined) return
    this.#places.delete(place)
    this.#places.add(place)
  }

  /** Its bytes have been written. Returns what has to be erased: what it makes superfluous, and what is over the capacity. */
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
