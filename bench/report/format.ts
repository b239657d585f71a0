import type { Ratio } from './ratio.ts'
import type { Distribution } from './statistics.ts'

/** Three significant digits or whole numbers; a dash of nothing. */
export function formatNumber(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  const text = value.toFixed(size >= 100 || value === 0 ? 0 : size >= 10 ? 1 : 2)
  return text.replace(/\B(?=(\d{3})+$)/g, ',')
}

/** "p50 / p90 / p99 / max". */
export function formatDistribution({ p50, p90, p99, max }: Distribution): string {
  return [p50, p90, p99, max].map(formatNumber).join(' / ')
}

export function formatShare(share: number | undefined): string {
  return share === undefined || Number.isNaN(share) ? '–' : `${Math.round(100 * share)} %`
}

/** The mean, with the least and the greatest round where there are several. */
export function formatRatio({ mean, low, high }: Ratio): string {
  if (!Number.isFinite(mean)) return '–'
  if (low === high) return mean.toFixed(2)
  return `${mean.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`
}
