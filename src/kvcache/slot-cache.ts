import { assertInvariant } from '../base/assert-invariant.ts'
import type { Parked } from './parked-prefixes.ts'
import type { Prefix } from './prefix.ts'
import type { ShowHeld } from './slot-blocks.ts'

export interface SlotLease {
  readonly slot: number
  /** Prompt tokens that are resident once `restore` is done. At most prompt.length - 1. */
  readonly cached: number
  /** The prefix as which the slot's content is to be parked before anything else happens to it. */
  readonly park?: Parked
  /** The parked prefix to put into the slot before it is used, after all parking. */
  readonly restore?: Parked
}

/** Tokens that a free slot still holds. */
export interface SlotContent extends Prefix {
  readonly slot: number
}

/** Keeps account of the slots of the KV cache: which are leased, and which prefix each holds. */
export interface SlotCache {
  /** How many tokens of a prompt acquire() would find; undefined when all slots are leased. */
  find(prompt: Prefix): number | undefined
  /** Leases a free slot for a prompt; undefined when all are leased. */
  acquire(prompt: Prefix): SlotLease | undefined
  /** Leases this very slot, empty; undefined when it is leased. */
  claim(slot: number): SlotLease | undefined
  /** Whether a slot may be filled with a copy of another one. */
  readonly copies: boolean
  /** Whether prefixes of these lengths can be parked together; those too short to be worth a transfer do not count. */
  mayPark(lengths: readonly number[]): boolean
  /** Gives a slot back with the prefix that is resident in it. @throws RangeError when it is not leased. */
  release(slot: number, resident: Prefix): void
  /** Content of free slots that is long enough to be worth parking, and parked nowhere. */
  idle(): SlotContent[]
  /** Shows what free slots hold. */
  held(show: ShowHeld): void
  /** @throws Error when the bookkeeping contradicts itself. @param leased slots that sequences hold, in any order. */
  checkInvariants(leased: readonly number[]): void
}

/** @throws Error unless the leased slots are exactly those that sequences hold, each once. */
export function checkLeases(leased: readonly number[], held: readonly number[]): void {
  const holders = held.toSorted((a, b) => a - b)
  assertInvariant(
    leased.join() === holders.join(),
    `slots ${leased.join()} are leased, and ${holders.join()} are held`,
  )
}
