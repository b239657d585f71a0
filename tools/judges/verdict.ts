import type { Judge, KnownFailure, Whose } from './judge.ts'
import type { Outcome } from './junit.ts'

/** What a judge said: counts, failures that were expected by their reason, and those that were not. */
export interface Verdict {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  readonly reasons: readonly Reason[]
  readonly unexpected: readonly Outcome[]
  /** Expected failures that no test had. */
  readonly mended: readonly KnownFailure[]
}

export interface Reason {
  readonly whose: Whose
  readonly why: string
  readonly count: number
}

export function verdictOf(outcomes: readonly Outcome[], known: Judge['known']): Verdict {
  const failed = outcomes.filter(({ ended }) => ended === 'failed')
  const because = failed.map((outcome) => known.find((entry) => covers(entry, outcome)))
  return {
    passed: outcomes.filter(({ ended }) => ended === 'passed').length,
    failed: failed.length,
    skipped: outcomes.filter(({ ended }) => ended === 'skipped').length,
    reasons: known
      .map((entry) => ({ ...entry, count: because.filter((one) => one === entry).length }))
      .filter(({ count }) => count > 0),
    unexpected: failed.filter((_, index) => because[index] === undefined),
    mended: known.filter((entry) => !because.includes(entry)),
  }
}

const covers = ({ test, says }: KnownFailure, outcome: Outcome): boolean =>
  test.test(outcome.test) && (says === undefined || says.test(outcome.says))
