import { closedLoop, openLoop } from '../client/pace.ts'
import { percentile } from '../report/statistics.ts'
import { textTable } from '../report/text-table.ts'
import { ask, type Outcome } from './ask.ts'

export interface GoodputOptions {
  readonly url: string
  /** Requests at once that keep the server busy: more than it has slots. */
  readonly streams: number
  /** Of each load. */
  readonly seconds: number
  /** Loads, as multiples of what the server can do. */
  readonly factors: readonly number[]
  /** Milliseconds to the first token for an answer to count. */
  readonly sloMs: number
}

/** Requests a second that are answered in time: the peak, when nobody is refused, and at each multiple of it. Yields lines. */
export async function goodputByLoad(options: GoodputOptions): Promise<string[]> {
  const { factors, sloMs } = options
  const before = await peakOf(options)
  const lines = []
  for (const factor of factors) lines.push(await loadOf(options, factor * before))
  const peak = Math.max(before, await peakOf(options))
  const table = lines.map(({ rate, good, refused, outcomes }, index) => [
    `${factors[index]} ×`,
    rate.toFixed(1),
    good.toFixed(1),
    (good / peak).toFixed(2),
    `${outcomes}`,
    `${refused.length}`,
    percentile(refused, 0.5).toFixed(0),
    percentile(refused, 0.99).toFixed(0),
  ])
  return [
    `peak ${peak.toFixed(1)} answers a second; those with a first token within ${sloMs} ms count`,
    textTable([
      ['load', 'asked/s', 'good/s', 'of peak', 'asked', 'refused', 'refusal p50 ms', 'p99 ms'],
      ...table,
    ]),
  ]
}

const isGood = ({ status, ended, firstMs = Number.POSITIVE_INFINITY }: Outcome, sloMs: number): boolean =>
  status === 200 && ended && firstMs <= sloMs

async function peakOf({ url, streams, seconds, sloMs }: GoodputOptions): Promise<number> {
  const until = performance.now() + seconds * 1000
  const outcomes = await closedLoop(streams, seconds, () => ask(url))
  return outcomes.filter((outcome) => isGood(outcome, sloMs) && outcome.endedAt <= until).length / seconds
}

interface Load {
  readonly rate: number
  readonly good: number
  /** How long each refusal took. */
  readonly refused: readonly number[]
  readonly outcomes: number
}

/** At a rate that waits for nobody. What counts is over while the load lasts, after a time for the queue to fill. */
async function loadOf({ url, seconds, sloMs }: GoodputOptions, rate: number): Promise<Load> {
  const startedAt = performance.now()
  const until = startedAt + seconds * 1000
  const outcomes = await openLoop(
    rate,
    (passed) => passed < seconds,
    () => ask(url),
  )
  const from = startedAt + seconds * 250
  const good = outcomes.filter(
    (outcome) => isGood(outcome, sloMs) && outcome.endedAt > from && outcome.endedAt <= until,
  )
  return {
    rate,
    good: good.length / (0.75 * seconds),
    refused: outcomes.filter(({ status }) => status === 503).map(({ ms }) => ms),
    outcomes: outcomes.length,
  }
}
