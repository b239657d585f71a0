import type { Pass } from '../scheduler/prefill-budget.ts'

/** Passes of late that a trial is compared with; a trial of as many, or for so long, is decided. */
const WINDOW = 128
const LONG_MS = 1000
/** Neither is judged by fewer passes. */
const LEAST = 8
/** A change has to win by so much. */
const GAIN = 0.9
/** A trial that loses by so much ends early: after so many passes. */
const HOPELESS = 1.3
const HOPELESS_AFTER = 2
/** Passes until the first trial of a number of threads, and so many times more after each that it has lost. */
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
 * What is best for one stream is not for thirty: each number of rows is tried by itself.
 */
export class ThreadTuner {
  readonly #candidates: readonly number[]
  readonly #byRows = new Map<number, Contest>()

  /** @param candidates The first is begun with. */
  constructor(candidates: readonly number[]) {
    this.#candidates = candidates
  }

  /** For a pass of so many rows, none of them of a prompt. */
  threadsFor(rows: number): number {
    return this.#byRows.get(rows)?.threads ?? this.#candidates[0] ?? 1
  }

  /** Passes with prompts tell nothing. */
  observe({ decodes, promptTokens, ms }: Pass): void {
    if (promptTokens > 0) return
    const contest = this.#byRows.get(decodes) ?? new Contest(this.#candidates)
    this.#byRows.set(decodes, contest)
    contest.observe(ms)
  }
}

/**
 * One number of threads against the others. A core that is taken away shows in some passes, and for some time in none: so
 * a trial is lost soon, and won by many passes. Those of several answers are as deep in their contexts on both sides.
 */
class Contest {
  /** In the order in which they are tried. */
  readonly #candidates: number[]
  /** By number of threads: passes until it may be tried again. */
  readonly #pauses = new Map<number, number>()
  #best: number
  #trial: Trial | undefined
  /** Passes of late with the best, in milliseconds. */
  readonly #times: number[] = []
  #pause = FIRST_PAUSE

  /** @param candidates The first is begun with. */
  constructor(candidates: readonly number[]) {
    this.#best = candidates[0] ?? 1
    this.#candidates = [...new Set(candidates)].filter((threads) => threads !== this.#best)
  }

  /** For the next pass. */
  get threads(): number {
    return this.#trial?.threads ?? this.#best
  }

  /** A pass with `threads`. */
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
    if (--this.#pause <= 0 && this.#times.length >= LEAST)
      this.#trial = { threads, baselineMs: typical(this.#times), times: [] }
  }

  #judge({ threads, baselineMs, times }: Trial): void {
    const ratio = typical(times) / baselineMs
    const hopeless = times.length >= HOPELESS_AFTER && ratio > HOPELESS
    const long = times.length === WINDOW || times.reduce((sum, ms) => sum + ms) >= LONG_MS
    if (hopeless || (long && times.length >= LEAST)) this.#end(threads, ratio < GAIN)
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
