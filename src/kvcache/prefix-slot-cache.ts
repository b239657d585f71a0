import { commonPrefix } from './common-prefix.ts'
import type { SlotCache, SlotLease } from './slot-cache.ts'

interface Slot {
  readonly index: number
  resident: readonly number[]
  leased: boolean
  lastUsed: number
}

/**
 * Longest common prefix first; among equals an empty slot, the lowest one, so that slots stay packed;
 * then the least recently used.
 */
export class PrefixSlotCache implements SlotCache {
  readonly copies = true
  readonly #slots: readonly Slot[]
  #tick = 0

  constructor(count: number) {
    this.#slots = Array.from({ length: count }, (_, index) => ({
      index,
      resident: [],
      leased: false,
      lastUsed: 0,
    }))
  }

  find(prompt: readonly number[]): SlotLease | undefined {
    const best = this.#best(prompt)
    return best && { slot: best.slot.index, cached: best.cached }
  }

  acquire(prompt: readonly number[]): SlotLease | undefined {
    const best = this.#best(prompt)
    if (best === undefined) return undefined
    best.slot.leased = true
    return { slot: best.slot.index, cached: best.cached }
  }

  #best(prompt: readonly number[]): { slot: Slot; cached: number } | undefined {
    let best: { slot: Slot; cached: number } | undefined
    for (const slot of this.#slots) {
      if (slot.leased) continue
      // The last prompt token is always recomputed: its logits are what we sample from.
      const cached = Math.min(commonPrefix(slot.resident, prompt), Math.max(0, prompt.length - 1))
      // An empty slot was never used: its lastUsed of 0 is the least, and the first of them is the lowest.
      if (
        best === undefined ||
        cached > best.cached ||
        (cached === best.cached && slot.lastUsed < best.slot.lastUsed)
      ) {
        best = { slot, cached }
      }
    }
    return best
  }

  release(index: number, resident: readonly number[]): void {
    const slot = this.#slots[index]
    if (slot === undefined || !slot.leased) throw new RangeError(`slot ${index} is not leased`)
    slot.leased = false
    slot.resident = resident
    slot.lastUsed = ++this.#tick
  }

  checkIntegrity(leased: readonly number[]): void {
    const mine = this.#slots.filter((slot) => slot.leased).map((slot) => slot.index)
    if (mine.join() !== leased.toSorted((a, b) => a - b).join()) {
      throw new Error(`slots ${mine.join()} are leased, but sequences hold ${leased.join()}`)
    }
  }
}
