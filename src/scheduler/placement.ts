import { emptyPrefix, type Prefix, sharedTokens } from '../kvcache/prefix.ts'
import type { SlotCache } from '../kvcache/slot-cache.ts'
import type { Sequence } from './sequence.ts'

/** What a sequence would start with: what a slot is to be searched for, or whose slot is copied. */
export interface Place {
  readonly wanted: Prefix
  readonly donor: Donor | undefined
}

export interface Donor {
  readonly slot: number | undefined
  /** Tokens of the prompt that are in its slot. */
  readonly ready: number
  /** Tokens of the prompt that will be, once its own prompt is computed. */
  readonly coming: number
}

/** Where a sequence that waits would start. */
export class Placement {
  readonly #cache: SlotCache
  readonly #leastCopy: number

  /** @param leastCopy tokens from which a copy is worth it. */
  constructor(cache: SlotCache, leastCopy: number) {
    this.#cache = cache
    this.#leastCopy = leastCopy
  }

  /** Where it could start now; deferred: another sequence is computing what it needs, too. */
  placeFor(sequence: Sequence, running: Iterable<Sequence>): Place | 'deferred' | 'full' {
    const wanted = sequence.scoresPrompt ? emptyPrefix(sequence.scope) : sequence
    const found = this.#cache.find(wanted)
    if (found === undefined) return 'full'
    const donor = this.#donorFor(sequence, running)
    const held = Math.max(found, donor?.ready ?? 0)
    if (donor !== undefined && this.#isComing(donor, held)) return 'deferred'
    const copied = donor !== undefined && donor.ready - found >= this.#leastCopy
    return copied ? { wanted: emptyPrefix(sequence.scope), donor } : { wanted, donor: undefined }
  }

  /** Whether it would wait for another sequence's prompt, had it a slot. */
  waitsForAnother(sequence: Sequence, running: Iterable<Sequence>): boolean {
    const donor = this.#donorFor(sequence, running)
    return donor !== undefined && this.#isComing(donor, donor.ready)
  }

  /** Whose slot it may copy; undefined: nobody's. */
  #donorFor(sequence: Sequence, running: Iterable<Sequence>): Donor | undefined {
    return this.#cache.copies && !sequence.scoresPrompt ? bestDonor(sequence, running) : undefined
  }

  /** Whether so much more of a prompt will be there than is `held` now that it is worth waiting for. */
  #isComing({ coming }: Donor, held: number): boolean {
    return coming - held >= this.#leastCopy
  }
}

/**
 * What running sequences have, or are about to have, of a prompt. Of equals the first to arrive: what one that was
 * admitted in this step is going to copy is in the slot of an earlier one.
 */
function bestDonor(sequence: Sequence, running: Iterable<Sequence>): Donor | undefined {
  let slot: number | undefined
  let ready = 0
  let coming = 0
  for (const other of running) {
    const shared = Math.min(sharedTokens(other, sequence), sequence.tokens.length - 1)
    coming = Math.max(coming, shared)
    const computed = other.restoring ? 0 : Math.min(shared, other.computed)
    if (computed > ready) {
      ready = computed
      slot = other.slot
    }
  }
  return coming === 0 ? undefined : { slot, ready, coming }
}
