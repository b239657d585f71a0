import type { FairQueue } from '../base/fair-queue.ts'
import type { SlotCache } from '../kvcache/slot-cache.ts'
import type { Sequence } from './sequence.ts'

/** Tokens that a sequence generates before its slot may be taken from it. */
const MIN_STAY = 32
/** Tokens in a slot for which it stays one token longer: with 1600 in its slot a sequence generates 100 first. */
const TOKENS_A_STAY = 16

export interface PreemptionOptions {
  readonly slots: number
  readonly queue: Pick<FairQueue<Sequence>, 'compare' | 'priorityOf' | 'virtualTimeOf'>
  readonly cache: Pick<SlotCache, 'mayPark'>
  /** Tokens that a sequence generates before its slot may be taken from it. Default MIN_STAY. */
  readonly minStay?: number | undefined
}

/** Chooses the sequence that has to give up its slot to another, and knows those that have. */
export class Preemption {
  readonly #options: PreemptionOptions
  readonly #minStay: number
  /** Preempted sequences that wait. */
  readonly #yielded = new Set<Sequence>()

  constructor(options: PreemptionOptions) {
    this.#options = options
    this.#minStay = options.minStay ?? MIN_STAY
  }

  /**
   * The sequence that has to give up its slot to `next`, the first that waits; undefined: none.
   *
   * A less urgent sequence does, unless it has `next`'s tenant and priority. Of equally urgent ones that of a tenant does which
   * would still hold at least as many slots for its weight as `next`'s tenant then does, and which has had so many more tokens
   * that it will not even out by itself: with equal weights and 4 slots, a tenant with 4 gives up one to a tenant with none,
   * then one more, and none from 2 to 2 on. Tenants that have their share do not take slots from each other in turns.
   * Among those the least urgent goes first, then one of the tenant that holds most, then the last in the order of the queue.
   * @param running all that have slots.
   */
  victimFor(next: Sequence, running: ReadonlySet<Sequence>): Sequence | undefined {
    const { queue, slots } = this.#options
    const counts = new Map<string, number>()
    for (const { share } of running) counts.set(share.tenant, (counts.get(share.tenant) ?? 0) + 1)
    const held = ({ share }: Sequence): number => counts.get(share.tenant) ?? 0
    const owed = (one: Sequence): boolean =>
      (held(next) + 1) / next.share.weight <= (held(one) - 1) / one.share.weight &&
      queue.virtualTimeOf(one) - queue.virtualTimeOf(next) >= this.#minStay * slots
    const yields = (one: Sequence): boolean => {
      if (areEquals(next, one)) return false
      const urgency = queue.priorityOf(one) - queue.priorityOf(next)
      return urgency > 0 || (urgency === 0 && owed(one))
    }
    const claim = (a: Sequence, b: Sequence): number =>
      queue.priorityOf(a) - queue.priorityOf(b) ||
      held(a) / a.share.weight - held(b) / b.share.weight ||
      queue.compare(a, b)
    return [...running]
      .filter((one) => this.#mayYield(one) && yields(one))
      .sort(claim)
      .at(-1)
  }

  /** Notes a sequence that has given up its slot. */
  add(victim: Sequence): void {
    this.#yielded.add(victim)
  }

  /** Forgets a sequence that has a slot again, or has ended. True when it had given up one. */
  delete(sequence: Sequence): boolean {
    return this.#yielded.delete(sequence)
  }

  /** Whether a sequence may be preempted: it has generated enough to be worth its return, and has enough left to generate. */
  #mayYield(sequence: Sequence): boolean {
    const { phase, generated, generatedOnAdmission, endsSoon, scoresPrompt, computed } = sequence
    return (
      phase === 'decode' &&
      generated - generatedOnAdmission >= Math.max(this.#minStay, computed / TOKENS_A_STAY) &&
      !endsSoon &&
      !scoresPrompt &&
      this.#options.cache.mayPark([...this.#yielded, sequence].map(({ tokens }) => tokens.length))
    )
  }
}

function areEquals({ share: one }: Sequence, { share: other }: Sequence): boolean {
  return one.tenant === other.tenant && one.priority === other.priority
}
