import { checkLeases, type SlotCache, type SlotLease } from './slot-cache.ts'

/** A cache that remembers nothing: for models that cannot be cut, and the reference that the prefix cache is compared with. */
export class NoPrefixSlotCache implements SlotCache {
  readonly copies = false
  readonly #leased: boolean[]

  constructor(count: number) {
    this.#leased = Array.from({ length: count }, () => false)
  }

  find(): number | undefined {
    return this.#leased.includes(false) ? 0 : undefined
  }

  acquire(): SlotLease | undefined {
    const slot = this.#leased.indexOf(false)
    if (slot === -1) return undefined
    this.#leased[slot] = true
    return { slot, cached: 0 }
  }

  claim(slot: number): SlotLease | undefined {
    if (this.#leased[slot] !== false) return undefined
    this.#leased[slot] = true
    return { slot, cached: 0 }
  }

  mayPark(): boolean {
    return false
  }

  release(slot: number): void {
    if (this.#leased[slot] !== true) throw new RangeError(`slot ${slot} is not leased`)
    this.#leased[slot] = false
  }

  idle(): [] {
    return []
  }

  held(): void {}

  checkInvariants(leased: readonly number[]): void {
    checkLeases(
      this.#leased.flatMap((taken, slot) => (taken ? [slot] : [])),
      leased,
    )
  }
}
