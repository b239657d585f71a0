import type { FairQueue } from './fair-queue.ts'
import type { Sequence } from './sequence.ts'

/**
 * Who has to give up its slot so that `next`, the first that waits, has one; undefined: nobody.
 *
 * One that is less urgent does, but for the same tenant's of the same priority. Within a priority one of a tenant does that
 * would then still hold no fewer slots for its weight, and has had so many tokens more that it will not even out by itself:
 * two that have their share do not take slots from each other in turns.
 * Among those the least urgent one does, then one of the tenant that holds most, then the last in the order of the queue.
 * @param candidates that may give up their slots.
 * @param running all that have slots.
 * @param lead tokens over weight by which the one tenant has to be behind the other.
 */
export function chooseVictim(
  next: Sequence,
  candidates: readonly Sequence[],
  running: Iterable<Sequence>,
  queue: Pick<FairQueue, 'compare' | 'priorityOf' | 'servedOf'>,
  lead: number,
): Sequence | undefined {
  const slots = new Map<string, number>()
  for (const { share } of running) slots.set(share.tenant, (slots.get(share.tenant) ?? 0) + 1)
  const held = ({ share }: Sequence): number => slots.get(share.tenant) ?? 0
  const owed = (one: Sequence): boolean =>
    (held(next) + 1) / next.share.weight <= (held(one) - 1) / one.share.weight &&
    queue.servedOf(one) - queue.servedOf(next) >= lead
  const yields = (one: Sequence): boolean => {
    if (areEquals(next, one)) return false
    const urgency = queue.priorityOf(one) - queue.priorityOf(next)
    return urgency > 0 || (urgency === 0 && owed(one))
  }
  const claim = (a: Sequence, b: Sequence): number =>
    queue.priorityOf(a) - queue.priorityOf(b) ||
    held(a) / a.share.weight - held(b) / b.share.weight ||
    queue.compare(a, b)
  return candidates.filter(yields).sort(claim).at(-1)
}

function areEquals({ share: one }: Sequence, { share: other }: Sequence): boolean {
  return one.tenant === other.tenant && one.priority === other.priority
}
