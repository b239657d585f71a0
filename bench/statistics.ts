import type { Trace } from './client.ts'

export interface Summary {
  readonly requests: number
  readonly errors: number
  readonly outputTokensPerSecond: number
  readonly ttftMs: { readonly p50: number; readonly p99: number }
  readonly itlMs: { readonly p50: number; readonly p99: number }
}

/** Everything is computed from the kept times, so that a new statistic needs no new run. */
export function summarize(traces: readonly Trace[]): Summary {
  const good = traces.filter((trace) => trace.error === undefined)
  const tokens = good.reduce((sum, trace) => sum + trace.completionTokens, 0)
  const start = Math.min(...good.map((trace) => trace.sentAt))
  const end = Math.max(...good.map((trace) => trace.endAt))
  const first = good.flatMap(({ sentAt, tokenAt }) => (tokenAt[0] === undefined ? [] : [tokenAt[0] - sentAt]))
  const gaps = good.flatMap(({ tokenAt }) => tokenAt.slice(1).map((at, index) => at - (tokenAt[index] ?? at)))
  return {
    requests: traces.length,
    errors: traces.length - good.length,
    outputTokensPerSecond: (1000 * tokens) / (end - start),
    ttftMs: { p50: percentile(first, 0.5), p99: percentile(first, 0.99) },
    itlMs: { p50: percentile(gaps, 0.5), p99: percentile(gaps, 0.99) },
  }
}

/** Nearest rank. NaN of nothing. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN
}
