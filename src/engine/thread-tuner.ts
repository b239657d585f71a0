import type { Pass } from '../scheduler/prefill-budget.ts'

/** Recent passes that a trial is compared with; a trial of as many passes, or of so many milliseconds, is decided. */
const WINDOW = 128
const LONG_MS = 1000
/** Passes that a trial and its comparison have at least. */
const MIN_PASSES = 8
/** Time of a trial, as a share of the baseline, below which it has won. */
const GAIN = 0.9
/** Time of a trial, as a multiple of the baseline, from which it is lost early, after so many passes. */
const HOPELESS = 1.3
const HOPELESS_AFTER = 2
/** Passes until the first trial of a number of threads; after each lost one four times as many, up to the longest. */
const FIRST_PAUSE = 16
const LONGER = 4
const LONGEST_PAUSE = 20_000

interface Trial {
  readonly threads: number
  readonly baselineMs: number
  readonly times: number[]
}

/**
 * Finds how many threads streams are fastest with, while serving: llama.cpp's threads spin, so as many as cores is best
 * for a large model on a quiet machine, and several times too slow where the server itself needs one of the cores.
 * The best number for one stream is not the best for thirty: each number of rows is tried by itself.
 */
export class ThreadTuner {
  readonly #candidates: readonly number[]
  readonly #byRows = new Map<number, Contest>()

  /** @param candidates numbers of threads; the first is used until another has won. */
  constructor(candidates: readonly number[]) {
    this.#candidates = candidates
  }

  /** Threads for a pass of so many rows, none of them of a prompt. */
  threadsFor(rows: number): number {
    return this.#byRows.get(rows)?.threads ?? this.#candidates[0] ?? 1
  }

  /** Takes the time of a pass; passes with prompts do not count. */
  observe({ decodes, promptTokens, ms }: Pass): void {
    if (promptTokens > 0) return
    const contest = this.#byRows.get(decodes) ?? new Contest(this.#candidates)
    this.#byRows.set(decodes, contest)
    contest.observe(ms)
  }
}

/**
 * Tries numbers of threads against the best so far, for one number of rows. A core that another process takes shows in some
 * passes, and for some time in none: so a trial is lost after few passes, and won after many. These span several answers, so that
 * contexts are as deep in the trial as in the baseline.
 */
class Contest {
  /** Numbers of threads in the order in which they are tried. */
  readonly #candidates: number[]
  /** Passes until the next trial, by number of threads. */
  readonly #pauses = new Map<number, number>()
  #best: number
  #trial: Trial | undefined
  /** Milliseconds of recent passes with the best number. */
  readonly #times: number[] = []
  #pause = FIRST_PAUSE

  /** @param candidates numbers of threads; the first is the best until another has won. */
  constructor(candidates: readonly number[]) {
    this.#best = candidates[0] ?? 1
    this.#candidates = [...new Set(candidates)].filter((threads) => threads !== this.#best)
  }

  /** Threads for the next pass. */
  get threads(): number {
    return this.#trial?.threads ?? this.#best
  }

  /** Takes the time of a pass with `threads`. */
  observe(ms: number): void {
    const [threads] = this.#candidates
    if (threads === undefined) return
    if (this.#trial !== undefined) {
      this.#trial.times.push(ms)
      this.#judge(this.#trial)
      return
    }
    this.#times.push(ms)
    if (this.#times.length > WINDOW) this.#times.shift()
    if (--this.#pause <= 0 && this.#times.length >= MIN_PASSES)
      this.#trial = { threads, baselineMs: typical(this.#times), times: [] }
  }

  #judge({ threads, baselineMs, times }: Trial): void {
    const ratio = typical(times) / baselineMs
    const hopeless = times.length >= HOPELESS_AFTER && ratio > HOPELESS
    const long = times.length === WINDOW || times.reduce((sum, ms) => sum + ms) >= LONG_MS
    if (hopeless || (long && times.length >= MIN_PASSES)) this.#end(threads, ratio < GAIN)
  }

  #end(threads: number, won: boolean): void {
    const loser = won ? this.#best : threads
    if (won) {
      this.#best = threads
      this.#times.length = 0
    }
    this.#candidates.shift()
    this.#candidates.push(loser)
    this.#pauses.set(loser, Math.min(LONGEST_PAUSE, LONGER * (this.#pauses.get(loser) ?? FIRST_PAUSE)))
    const [next = loser] = this.#candidates
    this.#pause = this.#pauses.get(next) ?? FIRST_PAUSE
    this.#trial = undefined
  }
}

/** The mean without the greatest: chance slows one pass. */
function typical(values: readonly number[]): number {
  const rest = values.toSorted((a, b) => a - b).slice(0, -1)
  return rest.length === 0 ? Number.NaN : rest.reduce((sum, ms) => sum + ms) / rest.length
}
