import { type Measurement, rejected, succeeded } from '../measurement.ts'

export interface Distribution {
  readonly count: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
}

/** A request is good when its first token and 99 % of its gaps are in time. In ms. */
export interface ServiceObjective {
  readonly ttftMs: number
  readonly itlMs: number
}

/** One workload on one server, over all its rounds. */
export interface Summary {
  readonly requests: number
  readonly rejected: number
  /** Failed in another way than being rejected. */
  readonly failed: number
  readonly outputTokensPerSecond: number
  /** Good requests a second, and their part of all that were sent, from 0 to 1. */
  readonly goodput: number
  readonly goodShare: number
  readonly ttftMs: Distribution
  readonly itlMs: Distribution
  readonly tpotMs: Distribution
  readonly e2eMs: Distribution
  /** From 0 to 1, of all prompt tokens; undefined where the server does not say. */
  readonly cachedShare: number | undefined
  /** Below 1 where a chunk carries several tokens, or a token has no chunk. */
  readonly chunksPerToken: number
  /** Answers whose chunks are not as many as their tokens. */
  readonly chunksDiffer: number
  /** How long a rejection took. */
  readonly rejectMs: Distribution
  readonly retryAfterS: Distribution
}

/** Time to first token. */
export function ttft({ sentAt, tics }: Measurement): number | undefined {
  return tics[0] === undefined ? undefined : tics[0] - sentAt
}

/** Gaps between chunks. */
export function itls({ tics }: Measurement): number[] {
  return tics.slice(1).map((at, index) => at - (tics[index] ?? at))
}

/** Mean time of an output token after the first, as `usage` counts them; undefined of fewer than two. */
export function tpot({ tics, completionTokens }: Measurement): number | undefined {
  const [first, last] = [tics[0], tics.at(-1)]
  if (first === undefined || last === undefined || completionTokens < 2) return undefined
  return (last - first) / (completionTokens - 1)
}

export function isGood(measurement: Measurement, { ttftMs, itlMs }: ServiceObjective): boolean {
  const gaps = itls(measurement)
  const slow = gaps.length > 0 && percentile(gaps, 0.99) > itlMs
  return succeeded(measurement) && (ttft(measurement) ?? Number.POSITIVE_INFINITY) <= ttftMs && !slow
}

/** Each round is one run of the workload with a clock of its own. Everything is computed from the kept times. */
export function summarize(rounds: readonly (readonly Measurement[])[], objective: ServiceObjective): Summary {
  const all = rounds.flat()
  const done = all.filter(succeeded)
  const refused = all.filter(rejected)
  const seconds = sum(rounds.map(durationMs)) / 1000
  const good = all.filter((measurement) => isGood(measurement, objective)).length
  return {
    requests: all.length,
    rejected: refused.length,
    failed: all.length - done.length - refused.length,
    outputTokensPerSecond: sum(done.map(({ completionTokens }) => completionTokens)) / seconds,
    goodput: good / seconds,
    goodShare: good / all.length,
    ...latencies(done),
    cachedShare: cachedShare(done),
    chunksPerToken: sum(done.map(({ tics }) => tics.length)) / sum(done.map((one) => one.completionTokens)),
    chunksDiffer: done.filter(({ tics, completionTokens }) => tics.length !== completionTokens).length,
    rejectMs: distribution(refused.map(e2e)),
    retryAfterS: distribution(refused.flatMap(({ retryAfter }) => retryAfter ?? [])),
  }
}

function latencies(done: readonly Measurement[]): Pick<Summary, 'ttftMs' | 'itlMs' | 'tpotMs' | 'e2eMs'> {
  return {
    ttftMs: distribution(done.flatMap((one) => ttft(one) ?? [])),
    itlMs: distribution(done.flatMap(itls)),
    tpotMs: distribution(done.flatMap((one) => tpot(one) ?? [])),
    e2eMs: distribution(done.map(e2e)),
  }
}

/** From the first request to the end of the last answer; rejections do not stretch it. */
function durationMs(round: readonly Measurement[]): number {
  const served = round.filter(succeeded)
  const start = round.reduce((least, { sentAt }) => Math.min(least, sentAt), Number.POSITIVE_INFINITY)
  return served.reduce((most, { endAt }) => Math.max(most, endAt), start) - start
}

const e2e = ({ sentAt, endAt }: Measurement): number => endAt - sentAt

function cachedShare(done: readonly Measurement[]): number | undefined {
  const told = done.filter(({ cachedTokens }) => cachedTokens !== undefined)
  if (told.length === 0) return undefined
  return sum(told.map(({ cachedTokens }) => cachedTokens ?? 0)) / sum(told.map((one) => one.promptTokens))
}

export function distribution(values: readonly number[]): Distribution {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): number => rank(sorted, share)
  return { count: sorted.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) }
}

/** Nearest rank. NaN of nothing. */
export function percentile(values: readonly number[], share: number): number {
  return rank(
    values.toSorted((a, b) => a - b),
    share,
  )
}

function rank(sorted: readonly number[], share: number): number {
  const index = Math.min(sorted.length, Math.max(1, Math.ceil(share * sorted.length))) - 1
  return sorted[index] ?? Number.NaN
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
