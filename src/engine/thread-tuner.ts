import type { Pass } from '../scheduler/prefill-budget.ts'

/** Passes that are compared: so many, and for so long. */
const BLOCK = 8
const BLOCK_MS = 100
/** A change has to win by so much. */
const GAIN = 0.9
/** A trial that loses by so much ends early: after so many passes. */
const HOPELESS = 1.3
const HOPELESS_AFTER = 2
/** Passes until the first trial, and between trials: so many times more after each that was lost. */
const FIRST_PAUSE = 16
const LONGER = 4
const LONGEST_PAUSE = 20_000

interface Trial {
  readonly threads: number
  readonly baselineMs: number
}

/**
 * Finds how many threads streams are fastest with, while serving: llama.cpp's threads spin, so as many as cores is best
 * for a large model on a quiet machine, and several times too slow where the server itself needs one of the cores.
 * What is best for one stream is not for thirty: each doubling of their number is tried by itself.
 */
export class ThreadTuner {
  readonly #candidates: readonly number[]
  readonly #bySize = new Map<number, Contest>()

  /** @param candidates The first is begun with. */
  constructor(candidates: readonly number[]) {
    this.#candidates = candidates
  }

  /** For a pass of so many decodes. */
  threadsFor(decodes: number): number {
    return this.#contestOf(decodes).threads
  }

  /** Passes with prompts tell nothing, but where no stream goes on, others begin: deep in its context each takes longer. */
  observe({ decodes, promptTokens, ms }: Pass): void {
    if (promptTokens === 0) this.#contestOf(decodes).observe(decodes, ms)
    else if (decodes === 0) for (const contest of this.#bySize.values()) contest.interrupt()
  }

  #contestOf(decodes: number): Contest {
    const size = Math.ceil(Math.log2(Math.max(1, decodes)))
    const known = this.#bySize.get(size) ?? new Contest(this.#candidates)
    this.#bySize.set(size, known)
    return known
  }
}

/** One number of threads against the others, by the times of passes with the same number of decodes. */
class Contest {
  /** In the order in which they are tried. */
  readonly #candidates: number[]
  /** By number of threads: passes until it may be tried again. */
  readonly #pauses = new Map<number, number>()
  #best: number
  #trial: Trial | undefined
  #decodes = 0
  #times: number[] = []
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

  observe(decodes: number, ms: number): void {
    if (this.#candidates.length === 0) return
    if (decodes !== this.#decodes) this.interrupt()
    this.#decodes = decodes
    if (this.#isBlock(this.#times.slice(1))) this.#times.shift()
    this.#times.push(ms)
    if (this.#trial !== undefined) this.#judge(this.#trial)
    else if (--this.#pause <= 0 && this.#isBlock(this.#times)) this.#begin()
  }

  /** What comes now cannot be compared with what was. */
  interrupt(): void {
    this.#times = []
    this.#trial = undefined
  }

  #isBlock(times: readonly number[]): boolean {
    return times.length >= BLOCK && times.reduce((sum, ms) => sum + ms) >= BLOCK_MS
  }

  #begin(): void {
    const baselineMs = typical(this.#times.splice(0))
    this.#trial = { threads: this.#candidates[0] ?? this.#best, baselineMs }
  }

  #judge(trial: Trial): void {
    const ratio = typical(this.#times) / trial.baselineMs
    const hopeless = this.#times.length >= HOPELESS_AFTER && ratio > HOPELESS
    if (hopeless || this.#isBlock(this.#times)) this.#end(trial, ratio < GAIN)
  }

  #end({ threads }: Trial, won: boolean): void {
    this.#candidates.splice(0, 1)
    this.#candidates.push(won ? this.#best : threads)
    this.#pause = won
      ? FIRST_PAUSE
      : Math.min(LONGEST_PAUSE, LONGER * (this.#pauses.get(threads) ?? FIRST_PAUSE))
    this.#pauses.set(threads, this.#pause)
    if (won) this.#best = threads
    this.#trial = undefined
    this.#times = []
  }
}

/** The mean without the greatest: a core that is taken away shows in some of the passes, chance in one. */
function typical(values: readonly number[]): number {
  const rest = values.toSorted((a, b) => a - b).slice(0, -1)
  return rest.length === 0 ? Number.POSITIVE_INFINITY : rest.reduce((sum, ms) => sum + ms) / rest.length
}
