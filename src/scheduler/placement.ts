import { emptyPrefix, type Prefix, sharedTokens } from '../kvcache/prefix.ts'
import type { SlotCache } from '../kvcache/slot-cache.ts'
import type { Sequence } from './sequence.ts'

/** The start of a sequence: the prefix that its slot is searched by, and the donor that is copied into it. */
export interface Place {
  readonly wanted: Prefix
  readonly donor: Donor | undefined
}

export interface Donor {
  readonly slot: number | undefined
  /** Tokens of the prompt that are in its slot. */
  readonly ready: number
  /** Tokens of the prompt that a running sequence will have, once its own prompt is computed. */
  readonly coming: number
}

/** Finds what a waiting sequence can start with: a cached prefix, or a copy from a running sequence. */
export class Placement {
  readonly #cache: SlotCache
  readonly #minCopy: number

  /** @param minCopy tokens from which a copy is worth it. */
  constructor(cache: SlotCache, minCopy: number) {
    this.#cache = cache
    this.#minCopy = minCopy
  }

  /** The place for a sequence now; `deferred`: a running sequence is computing tokens that it needs, too; `full`: no free slot. */
  placeFor(sequence: Sequence, running: Iterable<Sequence>): Place | 'deferred' | 'full' {
    const wanted = sequence.scoresPrompt ? emptyPrefix(sequence.scope) : sequence
    const found = this.#cache.find(wanted)
    if (found === undefined) return 'full'
    const donor = this.#donorFor(sequence, running)
    const held = Math.max(found, donor?.ready ?? 0)
    if (donor !== undefined && this.#isComing(donor, held)) return 'deferred'
    const copied = donor !== undefined && donor.ready - found >= this.#minCopy
    return copied ? { wanted: emptyPrefix(sequence.scope), donor } : { wanted, donor: undefined }
  }

  /** Whether the sequence would be deferred if a slot were free. */
  waitsForAnother(sequence: Sequence, running: Iterable<Sequence>): boolean {
    const donor = this.#donorFor(sequence, running)
    return donor !== undefined && this.#isComing(donor, donor.ready)
  }

  /** The running sequence that may be copied from; undefined where there is none. */
  #donorFor(sequence: Sequence, running: Iterable<Sequence>): Donor | undefined {
    return this.#cache.copies && !sequence.scoresPrompt ? bestDonor(sequence, running) : undefined
  }

  /** Whether a donor will have so much more of the prompt than is held now that waiting pays. */
  #isComing({ coming }: Donor, held: number): boolean {
    return coming - held >= this.#minCopy
  }
}

/**
 * Running sequence that has computed, or is about to compute, the most of a prompt. Of equal donors it is the first that was
 * admitted: the tokens that a sequence admitted in this step will copy are still in the slot of an earlier one.
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
