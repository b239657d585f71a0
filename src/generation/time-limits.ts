import { type ErrorCode, ServingError } from '../base/errors.ts'
import type { TimeLimits } from '../config/groups.ts'

export const NO_TIME_LIMITS: TimeLimits = {
  queueMs: Number.POSITIVE_INFINITY,
  firstTokenMs: Number.POSITIVE_INFINITY,
  totalMs: Number.POSITIVE_INFINITY,
}

/** How far a generation is. */
export type Stage = 'waiting' | 'prefill' | 'decode'

interface Limit {
  /** Monotonic milliseconds. */
  readonly at: number
  readonly stages: readonly Stage[]
  readonly code: ErrorCode
  readonly message: string
}

const EVER: readonly Stage[] = ['waiting', 'prefill', 'decode']
/** Node: a longer delay is taken for 1 ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

function limitsOf(limits: TimeLimits, deadlineAt: number, now: number): Limit[] {
  const { queueMs, firstTokenMs, totalMs } = limits
  const within = (ms: number): string => `within ${ms / 1000} seconds`
  return [
    {
      at: deadlineAt,
      stages: EVER,
      code: 'deadline_exceeded',
      message: "The time you gave with 'deadline_ms' is over",
    },
    {
      at: now + queueMs,
      stages: ['waiting'],
      code: 'queue_timeout',
      message: `The server was too busy to begin with your request ${within(queueMs)}. Please retry later`,
    },
    {
      at: now + firstTokenMs,
      stages: ['waiting', 'prefill'],
      code: 'first_token_timeout',
      message: `No token was generated ${within(firstTokenMs)}`,
    },
    {
      at: now + totalMs,
      stages: EVER,
      code: 'total_timeout',
      message: `The answer was not finished ${within(totalMs)}`,
    },
  ]
}

/** A generation whose time is watched. */
interface Watched {
  readonly limits: TimeLimits
  /** Monotonic milliseconds at which the answer is of no use any more. Infinity: never. */
  readonly deadlineAt: number
  readonly stage: () => Stage
  readonly onOver: (code: ErrorCode, message: string) => void
}

/** Calls `onOver` once, when a limit is passed. Returns what stops the watch. */
export function watchTime({ limits, deadlineAt, stage, onOver }: Watched): () => void {
  const all = limitsOf(limits, deadlineAt, performance.now()).filter(
    ({ at }) => at < Number.POSITIVE_INFINITY,
  )
  all.sort((a, b) => a.at - b.at)
  let timer: NodeJS.Timeout | undefined
  const look = (): void => {
    // A stage that is over does not come back.
    const next = all.find(({ stages }) => stages.includes(stage()))
    if (next === undefined) return
    const leftMs = next.at - performance.now()
    if (leftMs <= 0) onOver(next.code, next.message)
    else timer = setTimeout(look, Math.min(Math.ceil(leftMs), LONGEST_TIMER_MS)).unref()
  }
  look()
  return () => clearTimeout(timer)
}

/** @param code of a limit of time; a queue that was too long may be shorter later. */
export function timeIsOver(code: ErrorCode, message: string, retryAfterMs: number): ServingError {
  return new ServingError(code, message, code === 'queue_timeout' ? { retryAfterMs } : {})
}
