export type Point = readonly [x: number, y: number]

export interface Series {
  readonly name: string
  readonly points: readonly Point[]
  /** A line through a few marked points, through many, or the stairs of a distribution. */
  readonly shape: 'points' | 'line' | 'stairs'
}

/** The share of values, from 0 to 1, that are at most x; thinned to about `limit` points with both ends kept. */
export function cumulative(values: readonly number[], limit = 400): Point[] {
  const sorted = values.toSorted((a, b) => a - b)
  const points = sorted.map((value, index): Point => [value, (index + 1) / sorted.length])
  const stride = Math.max(1, Math.ceil(points.length / limit))
  const first: Point[] = sorted[0] === undefined ? [] : [[sorted[0], 0]]
  const kept = points.filter((_, index) => index % stride === 0 || index === points.length - 1)
  return [...first, ...kept]
}
