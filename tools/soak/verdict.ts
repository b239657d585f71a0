import { type ProcessName, processNames, type Sample } from './sample.ts'

/** Growth that a process may show once it is warm. */
export const MOST_MB_PER_10_MIN = 1
/** Files that a process may have open at the end beyond those at the beginning: kept-alive connections come and go. */
const MORE_DESCRIPTORS = 3
const MORE_RESOURCES = 5

/** MB in ten minutes, by least squares; undefined of too few samples. */
export function growth(
  samples: readonly Sample[],
  name: ProcessName,
  of: 'rss' | 'anonymous' = 'rss',
): number | undefined {
  const points = samples.flatMap(({ seconds, [of]: held }) =>
    held[name] === undefined ? [] : [[seconds, held[name]] as const],
  )
  if (points.length < 10) return undefined
  const meanX = mean(points.map(([x]) => x))
  const meanY = mean(points.map(([, y]) => y))
  const spread = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
  const shared = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0)
  return (600 * shared) / spread
}

/** What was not given back; empty: all of it was. `before` and `after` are idle. */
export function leaks(before: Sample, after: Sample): string[] {
  const faults: string[] = []
  const over = Object.values(after.over).reduce((sum, count) => sum + count, 0)
  if (after.admitted !== over)
    faults.push(`${after.admitted} admitted, ${over} over: ${JSON.stringify(after.over)}`)
  if (after.running + after.waiting > 0)
    faults.push(`${after.running} running and ${after.waiting} waiting at the end`)
  for (const name of processNames) {
    const more = (after.descriptors[name] ?? 0) - (before.descriptors[name] ?? 0)
    if (more > MORE_DESCRIPTORS) faults.push(`${name}: ${more} more open files than at the beginning`)
  }
  const resources = after.resources - before.resources
  if (resources > MORE_RESOURCES) faults.push(`${resources} more timers and handles than at the beginning`)
  return faults
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
