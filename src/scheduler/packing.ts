export interface Move {
  readonly from: number
  readonly to: number
}

/** Runs of consecutive numbers in ascending slots: llama.cpp computes a graph for each. Slots 0 1 2 5 6 are two runs. */
export function runsOf(slots: readonly number[]): number {
  return slots.filter((slot, index) => slot !== (slots[index - 1] ?? Number.NaN) + 1).length
}

/**
 * The move that brings slots in use nearer to one run: the slot farthest from the longest run goes beside it. Of 0 1 2 5 that is
 * 5 to 3. undefined when they are packed. Several moves in turn pack them.
 * @param slots in use, ascending.
 * @param count of all slots; those not in use are free.
 */
export function packingMove(slots: readonly number[], count: number): Move | undefined {
  if (runsOf(slots) < 2) return undefined
  const { first, last } = longestRun(slots)
  const outside = slots.filter((slot) => slot < first || slot > last)
  const distance = (slot: number): number => (slot < first ? first - slot : slot - last)
  const from = outside.reduce(
    (far, slot) => (distance(slot) > distance(far) ? slot : far),
    outside[0] ?? first,
  )
  for (const to of from < first ? [first - 1, last + 1] : [last + 1, first - 1]) {
    if (to >= 0 && to < count && !slots.includes(to)) return { from, to }
  }
  return undefined
}

function longestRun(slots: readonly number[]): { first: number; last: number } {
  let best = { first: slots[0] ?? 0, last: slots[0] ?? 0 }
  let first = best.first
  for (const [index, slot] of slots.entries()) {
    if (slot !== (slots[index - 1] ?? Number.NaN) + 1) first = slot
    if (slot - first > best.last - best.first) best = { first, last: slot }
  }
  return best
}
