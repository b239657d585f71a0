/** A value of a factor, both by index. */
export type Pick = readonly [factor: number, value: number]

/**
 * Rows that pick a value of each factor, such that any two values of different factors stand in a row together, unless
 * `apart` says that they never can. Greedy and without chance: the same rows each time. The first value of every factor
 * must go with everything.
 * @param sizes how many values each factor has.
 */
export function coveringArray(
  sizes: readonly number[],
  apart: (a: Pick, b: Pick) => boolean = () => false,
): number[][] {
  const open = new Map(pairsOf(sizes, apart).map((pair) => [keyOf(...pair), pair]))
  const rows: number[][] = []
  for (;;) {
    const [pair] = open.values()
    if (pair === undefined) return rows
    const row = completed(sizes, pair, apart, (a, b) => open.has(keyOf(a, b)))
    for (const [a, b] of pairsIn(row)) open.delete(keyOf(a, b))
    rows.push(row)
  }
}

/** Every two values of different factors that go together. */
export function pairsOf(
  sizes: readonly number[],
  apart: (a: Pick, b: Pick) => boolean = () => false,
): [Pick, Pick][] {
  const picks = sizes.flatMap((size, factor) =>
    Array.from({ length: size }, (_, value): Pick => [factor, value]),
  )
  return picks.flatMap((a) =>
    picks.flatMap((b): [Pick, Pick][] => (a[0] < b[0] && !apart(a, b) ? [[a, b]] : [])),
  )
}

/** A row that holds a pair, and in the other factors whatever is new with most of what is in it. */
function completed(
  sizes: readonly number[],
  pair: readonly [Pick, Pick],
  apart: (a: Pick, b: Pick) => boolean,
  isNew: (a: Pick, b: Pick) => boolean,
): number[] {
  const row: Pick[] = [...pair]
  for (const [factor, size] of sizes.entries()) {
    if (row.some(([taken]) => taken === factor)) continue
    const values = Array.from({ length: size }, (_, value): Pick => [factor, value]).filter(
      (pick) => !row.some((other) => apart(...inOrder(pick, other))),
    )
    const gain = (pick: Pick): number => row.filter((other) => isNew(...inOrder(pick, other))).length
    const [first, ...others] = values
    if (first === undefined) throw new Error(`no value of factor ${factor} goes with the others`)
    row.push(others.reduce((best, pick) => (gain(pick) > gain(best) ? pick : best), first))
  }
  return row.sort(([a], [b]) => a - b).map(([, value]) => value)
}

function pairsIn(row: readonly number[]): [Pick, Pick][] {
  return row.flatMap((value, factor) =>
    row.slice(factor + 1).map((other, behind): [Pick, Pick] => [
      [factor, value],
      [factor + 1 + behind, other],
    ]),
  )
}

const inOrder = (a: Pick, b: Pick): [Pick, Pick] => (a[0] < b[0] ? [a, b] : [b, a])
const keyOf = (a: Pick, b: Pick): string => `${a} ${b}`
