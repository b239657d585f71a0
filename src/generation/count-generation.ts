import type { Metrics } from '../metrics/metrics.ts'
import type { GenerationRecord } from './generation.ts'

/** Adds a generation that has ended to the metrics. */
export function countGeneration(metrics: Metrics, { reason, usage, timings }: GenerationRecord): void {
  metrics.finished.inc({ finished_reason: reason })
  metrics.promptTokens.inc(usage.promptTokens)
  metrics.generationTokens.inc(usage.completionTokens)
  if (timings.firstTokenMs === undefined) return
  metrics.prefixCacheQueries.inc(usage.promptTokens)
  metrics.prefixCacheHits.inc(usage.cachedTokens)
  metrics.timeToFirstToken.observe(timings.firstTokenMs / 1000)
  metrics.requestLatency.observe(timings.totalMs / 1000)
  metrics.queueTime.observe(timings.queueMs / 1000)
  metrics.prefillTime.observe(timings.prefillMs / 1000)
  metrics.decodeTime.observe(timings.decodeMs / 1000)
  metrics.promptLength.observe(usage.promptTokens)
  metrics.generationLength.observe(usage.completionTokens)
}
