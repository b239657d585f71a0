export type Point = readonly [x: number, y: number]

export interface Series {
  readonly name: string
  readonly points: readonly Point[]
  /** Markers for a few measured points; none for a curve of many. */
  readonly markers: boolean
}

/** The share of values, from 0 to 1, that are at most x; at most `limit` + 1 points, the ends and the tail kept. */
export function cumulative(values: readonly number[], limit = 400): Point[] {
  const sorted = values.toSorted((a, b) => a - b)
  const points = sorted.map((value, index): Point => [value, (index + 1) / sorted.length])
  const stride = Math.max(1, Math.ceil(points.length / limit))
  return points.filter((_, index) => index % stride === 0 || index === points.length - 1)
}
