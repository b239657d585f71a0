import type { FairQueue } from '../base/fair-queue.ts'
import type { SlotCache } from '../kvcache/slot-cache.ts'
import type { Sequence } from './sequence.ts'

/** Tokens that a sequence generates before its slot may be taken from it, and of how many in its slot each more of them is one. */
const MIN_STAY = 32
const TOKENS_A_STAY = 16

export interface PreemptionOptions {
  readonly slots: number
  readonly queue: Pick<FairQueue<Sequence>, 'compare' | 'priorityOf' | 'servedOf'>
  readonly cache: Pick<SlotCache, 'mayPark'>
  /** Tokens that whoever has a slot generates before another may have it. */
  readonly leastStay?: number | undefined
}

/** Who has to give up its slot to another, and who has. */
export class Preemption {
  readonly #options: PreemptionOptions
  readonly #leastStay: number
  /** Those that have given up their slots and wait. */
  readonly #yielded = new Set<Sequence>()

  constructor(options: PreemptionOptions) {
    this.#options = options
    this.#leastStay = options.leastStay ?? MIN_STAY
  }

  /**
   * Who has to give up its slot so that `next`, the first that waits, has one; undefined: nobody.
   *
   * One that is less urgent does, but for the same tenant's of the same priority. Within a priority one of a tenant does that
   * would then still hold no fewer slots for its weight, and has had so many tokens more that it will not even out by itself:
   * two that have their share do not take slots from each other in turns.
   * Among those the least urgent one does, then one of the tenant that holds most, then the last in the order of the queue.
   * @param running all that have slots.
   */
  victimFor(next: Sequence, running: ReadonlySet<Sequence>): Sequence | undefined {
    const { queue, slots } = this.#options
    const counts = new Map<string, number>()
    for (const { share } of running) counts.set(share.tenant, (counts.get(share.tenant) ?? 0) + 1)
    const held = ({ share }: Sequence): number => counts.get(share.tenant) ?? 0
    const owed = (one: Sequence): boolean =>
      (held(next) + 1) / next.share.weight <= (held(one) - 1) / one.share.weight &&
      queue.servedOf(one) - queue.servedOf(next) >= this.#leastStay * slots
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

  /** It has given up its slot. */
  add(victim: Sequence): void {
    this.#yielded.add(victim)
  }

  /** It has a slot again, or is over. True when it had given up one. */
  delete(sequence: Sequence): boolean {
    return this.#yielded.delete(sequence)
  }

  /** Whether a sequence can be brought back at a cost that is little beside what it has generated meanwhile, and goes on for a while. */
  #mayYield(sequence: Sequence): boolean {
    const { phase, generated, generatedOnAdmission, endsSoon, scoresPrompt, computed } = sequence
    return (
      phase === 'decode' &&
      generated - generatedOnAdmission >= Math.max(this.#leastStay, computed / TOKENS_A_STAY) &&
      !endsSoon &&
      !scoresPrompt &&
      this.#options.cache.mayPark([...this.#yielded, sequence].map(({ tokens }) => tokens.length))
    )
  }
}

function areEquals({ share: one }: Sequence, { share: other }: Sequence): boolean {
  return one.tenant === other.tenant && one.priority === other.priority
}
