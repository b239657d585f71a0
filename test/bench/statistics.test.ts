import { describe, expect, it } from 'vitest'
import type { Measurement } from '../../bench/measurement.ts'
import { pairedRatio } from '../../bench/report/ratio.ts'
import {
  distribution,
  isGood,
  itls,
  percentile,
  summarize,
  tpot,
  ttft,
} from '../../bench/report/statistics.ts'

const answered: Measurement = {
  group: 'all',
  session: 0,
  turn: 0,
  sentAt: 100,
  tics: [150, 160, 180, 210],
  endAt: 215,
  status: 200,
  error: undefined,
  retryAfter: undefined,
  promptTokens: 10,
  cachedTokens: 4,
  completionTokens: 4,
}
const refused: Measurement = {
  ...answered,
  tics: [],
  endAt: 103,
  status: 503,
  error: '503: full',
  retryAfter: 2,
  promptTokens: 0,
  cachedTokens: undefined,
  completionTokens: 0,
}
const broken: Measurement = { ...refused, status: 200, error: 'aborted', retryAfter: undefined, endAt: 9000 }
const objective = { ttftMs: 50, itlMs: 30 }

describe('the latencies of a request', () => {
  it('the latencies of a request are the time to its first token, and the gaps after it', () => {
    expect(ttft(answered)).toBe(50)
    expect(itls(answered)).toEqual([10, 20, 30])
  })

  it('the mean time of a token is by usage, not by chunk', () => {
    expect(tpot(answered)).toBe(20)
    expect(tpot({ ...answered, completionTokens: 7 })).toBe(10)
  })

  it('the latencies of a request without tokens are unknown', () => {
    expect([ttft(refused), tpot(refused), itls(refused)]).toEqual([undefined, undefined, []])
    expect(tpot({ ...answered, completionTokens: 1 })).toBeUndefined()
  })

  it('a request is good when first token and gaps are both in time, to the millisecond', () => {
    expect(isGood(answered, objective)).toBe(true)
    expect(isGood(answered, { ...objective, ttftMs: 49 })).toBe(false)
    expect(isGood(answered, { ...objective, itlMs: 29 })).toBe(false)
    expect(isGood({ ...answered, error: 'aborted' }, objective)).toBe(false)
    expect(isGood({ ...answered, tics: [] }, objective)).toBe(false)
  })
})

describe('summarize', () => {
  it('summarize counts a rejection apart from a failure, and neither in the times', () => {
    const summary = summarize([[answered, refused, broken]], objective)
    expect(summary).toMatchObject({ requests: 3, rejected: 1, failed: 1 })
    expect(summary.e2eMs).toEqual({ count: 1, p50: 115, p90: 115, p99: 115, max: 115 })
    expect(summary.rejectMs.p50).toBe(3)
    expect(summary.retryAfterS.max).toBe(2)
  })

  it('summarize measures throughput up to the last answer', () => {
    const { outputTokensPerSecond, goodput, goodShare } = summarize([[answered, broken]], objective)
    expect(outputTokensPerSecond).toBeCloseTo(4 / 0.115)
    expect(goodput).toBeCloseTo(1 / 0.115)
    expect(goodShare).toBe(0.5)
  })

  it('summarize adds the time of rounds, whose clocks all start at 0', () => {
    const once = summarize([[answered]], objective)
    const twice = summarize([[answered], [answered]], objective)
    expect(twice.outputTokensPerSecond).toBeCloseTo(once.outputTokensPerSecond)
    expect(twice.requests).toBe(2)
  })

  it('summarize has the cached share only of servers that report it', () => {
    const silent: Measurement = { ...answered, cachedTokens: undefined }
    expect(summarize([[answered, silent]], objective).cachedShare).toBe(0.4)
    expect(summarize([[silent]], objective).cachedShare).toBeUndefined()
  })

  it('summarize shows where chunks and tokens differ', () => {
    const merged = { ...answered, completionTokens: 8 }
    expect(summarize([[merged]], objective)).toMatchObject({ chunksPerToken: 0.5, chunksDiffer: 1 })
    expect(summarize([[answered]], objective)).toMatchObject({ chunksPerToken: 1, chunksDiffer: 0 })
  })
})

describe('percentile', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index)

  it('percentile is the nearest rank, whatever the order', () => {
    expect(distribution(hundred)).toEqual({ count: 100, p50: 50, p90: 90, p99: 99, max: 100 })
    expect(hundred[0]).toBe(100)
  })

  it('percentile is NaN of no values, and the least value at 0', () => {
    expect(percentile([], 0.5)).toBeNaN()
    expect(percentile([3, 1, 2], 0)).toBe(1)
  })
})

describe('pairedRatio', () => {
  it('pairedRatio is geometric, so that twice as fast and half as fast is even', () => {
    expect(pairedRatio([2, 1], [1, 2])).toEqual({ mean: 1, low: 0.5, high: 2 })
  })

  it('pairedRatio pairs rounds, so that drift of the machine cancels', () => {
    const { mean, low, high } = pairedRatio([10, 100, 1000], [5, 50, 500])
    expect(mean).toBeCloseTo(2)
    expect([low, high]).toEqual([2, 2])
  })

  it('pairedRatio leaves out rounds that have no number on one side', () => {
    expect(pairedRatio([3, Number.NaN, 8], [1, 1]).mean).toBeCloseTo(3)
    expect(pairedRatio([1], [Number.NaN]).mean).toBeNaN()
  })
})
