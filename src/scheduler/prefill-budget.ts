import { PromptCost } from './prompt-cost.ts'

/** What a finished forward pass was made of, and how long it took. */
export interface Pass {
  /** Sequences that took part with their next token. */
  readonly decodes: number
  readonly promptTokens: number
  /** Tokens before those of the prompts, on average. Default 0. */
  readonly depth?: number
  readonly ms: number
}

/** How many prompt tokens the next forward pass may carry. */
export interface PrefillBudget {
  /** Passes that a stream may have to sit out after its first token, while prompts that came with it are computed. */
  readonly patience: number
  /**
   * @param decodes sequences that are waiting for their next token in this pass.
   * @param depth tokens of the first prompt that are computed already.
   * @param pending tokens of it that are not.
   * @returns at least 1.
   */
  tokens(decodes: number, depth: number, pending: number): number
  observe(pass: Pass): void
}

/** Prompts take all that is left of a batch. */
export class WholeBatch implements PrefillBudget {
  readonly patience = 0
  tokens(): number {
    return Number.POSITIVE_INFINITY
  }
  observe(): void {}
}

/** Without a target, a pass with prompts may take so many times as long as the fullest one without, or so many milliseconds. */
const AUTO_STRETCH = 7
const AUTO_LEAST_MS = 50
/** Without a target: passes of whole batches, each as long as one without streams may be. */
const AUTO_PATIENCE = 2
/** A full pass is not taken to be longer than so many times the present one. */
const MOST_STRETCH = 4
/** A pass without prompts that was slower than thought counts at once, a faster one little by little. */
const RISE = 0.5
const FALL = 0.1
/** Part of the target that is planned for: passes vary. */
const MARGIN = 0.9
/** A prompt that is through with so much more is not divided: each pass costs the streams' rows once more. */
const LAST_PIECE = 1.2

/**
 * Keeps passes that carry running streams within a time, by measuring what a pass without prompts
 * and what a prompt token costs on this machine, with this model, at this moment.
 */
export class PacedPrefill implements PrefillBudget {
  readonly patience: number
  readonly #targetMs: number
  readonly #least: number
  /** By number of decodes; what a pass without prompts takes. */
  readonly #decodeMs: (number | undefined)[] = [0]
  #promptCost = new PromptCost()
  #learned = false

  /**
   * @param targetMs Longest time between two tokens of a running stream; 0: chosen from the pace without prompts.
   * @param least Tokens by which a prompt advances however slow the machine is.
   */
  constructor(targetMs: number, least = 16) {
    this.patience = targetMs === 0 ? AUTO_PATIENCE : 0
    this.#targetMs = targetMs
    this.#least = least
  }

  tokens(decodes: number, depth: number, pending: number): number {
    if (decodes === 0) return Number.POSITIVE_INFINITY
    const decodeMs = this.#expected(decodes)
    const tokenMs = this.#promptCost.at(depth)
    if (tokenMs === undefined || decodeMs === undefined) return this.#least
    const target = this.#targetMs || Math.max(AUTO_LEAST_MS, AUTO_STRETCH * this.#fullMs(decodeMs))
    const tokens = Math.max(this.#least, Math.floor((MARGIN * target - decodeMs) / tokenMs))
    return pending <= LAST_PIECE * tokens ? Math.max(tokens, pending) : tokens
  }

  observe({ decodes, promptTokens, depth = 0, ms }: Pass): void {
    if (promptTokens === 0) {
      this.#decodeMs[decodes] = moved(this.#decodeMs[decodes], ms)
      return
    }
    const decodeMs = this.#expected(decodes)
    // The last few tokens of a prompt cost more than theirs.
    if (decodeMs === undefined || promptTokens < this.#least) return
    // A large chunk without decodes says little of a small one beside them: it only gives the first idea.
    if (decodes === 0 && this.#learned) return
    if (decodes > 0 && !this.#learned) {
      this.#learned = true
      this.#promptCost = new PromptCost()
    }
    this.#promptCost.observe(depth, Math.max(0, ms - decodeMs) / promptTokens)
  }

  /** What a pass with the most decodes takes: how fast streams are when the server is full. One hiccup there is not believed. */
  #fullMs(decodeMs: number): number {
    return Math.min(this.#decodeMs.at(-1) ?? decodeMs, MOST_STRETCH * decodeMs)
  }

  /** Of the nearest number of decodes that has been seen; of the larger one where two are as near. */
  #expected(decodes: number): number | undefined {
    for (let distance = 0; distance < this.#decodeMs.length + decodes; distance++) {
      const known =
        this.#decodeMs[decodes + distance] ??
        (decodes > distance ? this.#decodeMs[decodes - distance] : undefined)
      if (known !== undefined) return known
    }
    return decodes === 0 ? 0 : undefined
  }
}

function moved(average: number | undefined, sample: number): number {
  if (average === undefined) return sample
  return average + (sample > average ? RISE : FALL) * (sample - average)
}
