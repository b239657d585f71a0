import { percentile } from './statistics.ts'

/** One server against another, from pairs of runs that were made one after the other. */
export interface Ratio {
  /** Geometric mean of the rounds' ratios. */
  readonly mean: number
  readonly low: number
  readonly high: number
}

/** Round by round, so that a machine that drifts between rounds does not enter. Rounds without both numbers are left out. */
export function pairedRatio(base: readonly number[], peer: readonly number[]): Ratio {
  const ratios = base
    .map((value, round) => value / (peer[round] ?? Number.NaN))
    .filter((ratio) => Number.isFinite(ratio) && ratio > 0)
  const mean = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length)
  return { mean, low: percentile(ratios, 0), high: percentile(ratios, 1) }
}
