import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { TimeLimits } from '../../src/config/groups.ts'
import { NO_TIME_LIMITS, type Stage, watchTime } from '../../src/generation/time-limits.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

interface Case {
  readonly name: string
  readonly limits: Partial<TimeLimits>
  readonly deadlineMs?: number
  /** When a stage begins. */
  readonly prefillAt?: number
  readonly decodeAt?: number
  readonly expected: readonly [code: string, at: number] | undefined
}

const cases: Case[] = [
  { name: 'waits too long', limits: { queueMs: 100 }, expected: ['queue_timeout', 100] },
  { name: 'waits no longer', limits: { queueMs: 100 }, prefillAt: 90, expected: undefined },
  {
    name: 'has its first token too late, in the queue',
    limits: { firstTokenMs: 200 },
    expected: ['first_token_timeout', 200],
  },
  {
    name: 'has its first token too late, in prefill',
    limits: { queueMs: 100, firstTokenMs: 200 },
    prefillAt: 50,
    expected: ['first_token_timeout', 200],
  },
  {
    name: 'has its first token in time, and takes too long',
    limits: { queueMs: 100, firstTokenMs: 200, totalMs: 300 },
    prefillAt: 50,
    decodeAt: 150,
    expected: ['total_timeout', 300],
  },
  {
    name: 'is over its deadline while it decodes',
    limits: { queueMs: 100, totalMs: 300 },
    deadlineMs: 250,
    prefillAt: 50,
    decodeAt: 150,
    expected: ['deadline_exceeded', 250],
  },
  {
    name: 'comes with a deadline that is over',
    limits: {},
    deadlineMs: -1,
    expected: ['deadline_exceeded', 0],
  },
  { name: 'may take all time', limits: {}, expected: undefined },
  {
    name: 'may take longer than the longest timer',
    limits: { totalMs: 2 ** 31 + 5 },
    expected: ['total_timeout', 2 ** 31 + 5],
  },
]

it.each(cases)(
  'time limits end or spare a request that $name',
  ({ limits, deadlineMs, prefillAt = Number.NaN, decodeAt = Number.NaN, expected }) => {
    const start = performance.now()
    const passed = (): number => performance.now() - start
    const stage = (): Stage =>
      passed() >= decodeAt ? 'decode' : passed() >= prefillAt ? 'prefill' : 'waiting'
    let over: [string, number] | undefined
    watchTime({
      limits: { ...NO_TIME_LIMITS, ...limits },
      deadlineAt: deadlineMs === undefined ? Number.POSITIVE_INFINITY : start + deadlineMs,
      stage,
      onOver: (code) => {
        over = [code, Math.round(passed())]
      },
    })
    vi.runAllTimers()
    expect(over).toEqual(expected)
  },
)

it('time limits do not end a request after they are stopped', () => {
  const onOver = vi.fn()
  const stop = watchTime({
    limits: { ...NO_TIME_LIMITS, totalMs: 10 },
    deadlineAt: Number.POSITIVE_INFINITY,
    stage: () => 'decode',
    onOver,
  })
  stop()
  vi.runAllTimers()
  expect([onOver.mock.calls.length, vi.getTimerCount()]).toEqual([0, 0])
})
