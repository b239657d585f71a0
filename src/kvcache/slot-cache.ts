import { assertInvariant } from '../base/assert-invariant.ts'
import type { Parked } from './parked-prefixes.ts'
import type { Prefix } from './prefix.ts'
import type { ShowHeld } from './slot-blocks.ts'

export interface SlotLease {
  readonly slot: number
  /** Length of the prompt's prefix that is resident, once `restore` is done. At most prompt.length - 1. */
  readonly cached: number
  /** What the slot holds is to be parked before anything else happens to it. */
  readonly park?: Parked
  /** What is to be put into the slot before it is used, after all parking. */
  readonly restore?: Parked
}

/** Tokens that a slot holds although nobody uses it. */
export interface SlotContent extends Prefix {
  readonly slot: number
}

/** Which slot of the engine's KV memory holds what, and who has it. */
export interface SlotCache {
  /** How much acquire() would find of a prompt; undefined when all slots are leased. */
  find(prompt: Prefix): number | undefined
  /** Leases a free slot for a prompt; undefined when all are leased. */
  acquire(prompt: Prefix): SlotLease | undefined
  /** Leases this very slot, empty; undefined when it is leased. */
  claim(slot: number): SlotLease | undefined
  /** Whether a slot may be filled with what another one holds. */
  readonly copies: boolean
  /** Whether there is room to park prefixes of so many tokens beside each other, but for those that are not worth a transfer. */
  mayPark(lengths: readonly number[]): boolean
  /** Gives a slot back with what is resident in it. @throws RangeError when it is not leased. */
  release(slot: number, resident: Prefix): void
  /** What would be lost with the slots: long enough to be worth a transfer, and parked nowhere. */
  idle(): SlotContent[]
  /** Shows what slots hold that nobody has leased. */
  held(show: ShowHeld): void
  /** @throws Error when the bookkeeping contradicts itself. @param leased slots that sequences hold, in any order. */
  checkInvariants(leased: readonly number[]): void
}

/** @throws Error unless the slots that are leased are those that are held, each once. */
export function checkLeases(leased: readonly number[], held: readonly number[]): void {
  const holders = held.toSorted((a, b) => a - b)
  assertInvariant(
    leased.join() === holders.join(),
    `slots ${leased.join()} are leased, and ${holders.join()} are held`,
  )
}
