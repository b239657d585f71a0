import type { Parked, ParkedPrefixes } from './parked-prefixes.ts'
import { emptyPrefix, type Prefix, sharedTokens } from './prefix.ts'
import type { ShowHeld } from './slot-blocks.ts'
import { checkLeases, type SlotCache, type SlotContent, type SlotLease } from './slot-cache.ts'
import { type TransferRule, transfersByLength } from './transfer-rule.ts'

interface Slot {
  readonly index: number
  resident: Prefix
  leased: boolean
  lastUsed: number
}

/**
 * Slot cache that reuses prefixes. The slot for a prompt is the one with the longest common prefix; among equals the one that
 * keeps leased slots packed, then the least recently used, an empty one before all others.
 */
export class PrefixSlotCache implements SlotCache {
  readonly copies = true
  readonly #slots: readonly Slot[]
  readonly #parked: ParkedPrefixes | undefined
  readonly #transfer: TransferRule
  #tick = 0

  /**
   * @param parked the prefixes that had to leave their slots.
   * @param transfer when it pays to bring them back.
   */
  constructor(count: number, parked?: ParkedPrefixes, transfer: TransferRule = transfersByLength()) {
    this.#parked = parked
    this.#transfer = transfer
    this.#slots = Array.from({ length: count }, (_, index) => ({
      index,
      resident: emptyPrefix(''),
      leased: false,
      lastUsed: 0,
    }))
  }

  find(prompt: Prefix): number | undefined {
    const best = this.#best(prompt)
    return best && Math.max(best.cached, this.#parkedFor(prompt, best.cached)?.cached ?? 0)
  }

  acquire(prompt: Prefix): SlotLease | undefined {
    const best = this.#best(prompt)
    if (best === undefined) return undefined
    const restored = this.#parkedFor(prompt, best.cached)
    // What is restored needs none of what the slots hold: it goes where the least is lost.
    const { slot, cached } = (restored && this.#best(emptyPrefix(prompt.scope))) ?? best
    if (restored === undefined) return this.#lease(slot, cached)
    this.#parked?.use(restored.parked)
    return { ...this.#lease(slot, 0), cached: restored.cached, restore: restored.parked }
  }

  claim(index: number): SlotLease | undefined {
    const slot = this.#slots[index]
    return slot === undefined || slot.leased ? undefined : this.#lease(slot, 0)
  }

  /** @param cached how much of what the slot holds stays. */
  #lease(slot: Slot, cached: number): SlotLease {
    slot.leased = true
    const park = this.#worthParking(slot.resident, cached)
    return { slot: slot.index, cached, ...(park && { park }) }
  }

  /** The parked prefix for a prompt, where it saves so much more than `cached` that the transfer pays. */
  #parkedFor(prompt: Prefix, cached: number): { parked: Parked; cached: number } | undefined {
    const found = this.#parked?.find(prompt)
    if (found === undefined) return undefined
    const shared = Math.min(found.shared, prompt.tokens.length - 1)
    const pays = this.#transfer.pays(found.parked.tokens.length, cached, shared - cached)
    return pays ? { parked: found.parked, cached: shared } : undefined
  }

  /** @param kept how many of the resident tokens the slot will go on holding. */
  #worthParking(resident: Prefix, kept: number): Parked | undefined {
    if (this.#parked === undefined || resident.tokens.length - kept < this.#transfer.least) return undefined
    if (!this.#parked.takes(resident.tokens.length)) return undefined
    return this.#parked.holds(resident) ? undefined : this.#parked.add(resident)
  }

  #best(prompt: Prefix): { slot: Slot; cached: number } | undefined {
    let best: { slot: Slot; cached: number; runs: number } | undefined
    for (const slot of this.#slots) {
      if (slot.leased) continue
      // The last prompt token is always recomputed: its logits are what we sample from.
      const cached = Math.min(sharedTokens(slot.resident, prompt), Math.max(0, prompt.tokens.length - 1))
      const runs = this.#runsWith(slot)
      // An empty slot was never used: its lastUsed of 0 is the least, and the first of them is the lowest.
      if (
        best === undefined ||
        cached > best.cached ||
        (cached === best.cached &&
          (runs < best.runs || (runs === best.runs && slot.lastUsed < best.slot.lastUsed)))
      ) {
        best = { slot, cached, runs }
      }
    }
    return best
  }

  /** Runs of consecutive leased slots that this one begins (1), lengthens (0) or joins (-1). */
  #runsWith({ index }: Slot): number {
    return (
      1 - Number(this.#slots[index - 1]?.leased === true) - Number(this.#slots[index + 1]?.leased === true)
    )
  }

  mayPark(lengths: readonly number[]): boolean {
    const tokens = lengths
      .filter((length) => length >= this.#transfer.least)
      .reduce((sum, length) => sum + length, 0)
    return tokens === 0 || this.#parked?.takes(tokens) === true
  }

  release(index: number, resident: Prefix): void {
    const slot = this.#slots[index]
    if (slot === undefined || !slot.leased) throw new RangeError(`slot ${index} is not leased`)
    slot.leased = false
    slot.resident = resident
    slot.lastUsed = ++this.#tick
  }

  idle(): SlotContent[] {
    return this.#slots
      .filter(({ leased, resident }) => {
        if (leased || resident.tokens.length < this.#transfer.least) return false
        return this.#parked?.takes(resident.tokens.length) !== false && this.#parked?.holds(resident) !== true
      })
      .map(({ index, resident }) => ({ slot: index, scope: resident.scope, tokens: resident.tokens }))
  }

  held(show: ShowHeld): void {
    for (const { index, leased, resident } of this.#slots) {
      if (!leased) show(index, resident, resident.tokens.length)
    }
  }

  checkInvariants(leased: readonly number[]): void {
    const mine = this.#slots.filter((slot) => slot.leased)
    checkLeases(
      mine.map(({ index }) => index),
      leased,
    )
    this.#parked?.checkInvariants()
  }
}
