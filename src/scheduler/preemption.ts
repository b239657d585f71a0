import type { FairQueue } from './fair-queue.ts'
import type { Sequence } from './sequence.ts'

/**
 * Who has to give up its slot so that `next`, the first that waits, has one; undefined: nobody.
 *
 * One that is less urgent does; within a priority one of a tenant that would still hold no fewer slots for its weight than
 * the other then does. So no two take a slot from each other in turns, and who has fewer than its share gets it from
 * whoever has most.
 * @param running that may leave now, in order of admission: of equals the last one goes.
 * @param holding all that have slots.
 */
export function chooseVictim(
  next: Sequence,
  running: readonly Sequence[],
  holding: Iterable<Sequence>,
  queue: Pick<FairQueue, 'compare' | 'priorityOf'>,
): Sequence | undefined {
  const slots = new Map<string, number>()
  for (const { share } of holding) slots.set(share.tenant, (slots.get(share.tenant) ?? 0) + 1)
  /** What its tenant holds for its weight, with so many slots more. */
  const load = ({ share }: Sequence, more: number): number =>
    ((slots.get(share.tenant) ?? 0) + more) / share.weight
  const urgency = queue.priorityOf(next)
  let victim: Sequence | undefined
  for (const one of running) {
    const less = queue.priorityOf(one) - urgency
    const unfair = load(next, 1) <= load(one, -1)
    // It has to be next then, too.
    if (queue.compare(next, one) >= 0 || !(less > 0 || (less === 0 && unfair))) continue
    const worse =
      victim === undefined
        ? 1
        : queue.priorityOf(one) - queue.priorityOf(victim) || load(one, 0) - load(victim, 0)
    if (worse >= 0) victim = one
  }
  return victim
}
