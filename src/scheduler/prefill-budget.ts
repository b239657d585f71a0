import { PromptCost } from './prompt-cost.ts'

/** Contents of a finished forward pass, and the time it took. */
export interface Pass {
  /** Sequences that took part with their next token. */
  readonly decodes: number
  readonly promptTokens: number
  /** Average depth of the prompt tokens: how many tokens are before them. Default 0. */
  readonly depth?: number
  readonly ms: number
}

/** Decides how many prompt tokens the next forward pass may carry. */
export interface PrefillBudget {
  /** Passes that a stream may be left out of after its first token, while prompts that came with it are computed. */
  readonly patience: number
  /**
   * @param decodes sequences that are waiting for their next token in this pass.
   * @param depth computed tokens of the first prompt.
   * @param pending its tokens that are not computed.
   * @returns at least 1.
   */
  tokens(decodes: number, depth: number, pending: number): number
  observe(pass: Pass): void
}

/** The budget without a limit: prompts take all that is left of a batch. */
export class WholeBatch implements PrefillBudget {
  readonly patience = 0
  tokens(): number {
    return Number.POSITIVE_INFINITY
  }
  observe(): void {}
}

/** Tokens by which a prompt advances in a pass, however slow the machine is. */
const MIN_TOKENS = 16
/** How many times as much a token costs in a chunk of less than a tile, until it was measured. */
const RAGGED = 3
/** Time of a pass with prompts where no target is set: a multiple of the fullest pass without prompts, and at least so much. */
const AUTO_STRETCH = 7
const AUTO_MIN_MS = 50
/** Passes that streams are left out of where no target is set: each is a whole batch of prompts. */
const AUTO_PATIENCE = 2
/** Bound on the time of the fullest pass, as a multiple of the present one: one hiccup there is not believed. */
const MAX_STRETCH = 4
/** Weight of a pass without prompts in the average: one slower than expected counts at once, a faster one little by little. */
const RISE = 0.5
const FALL = 0.1
/** Part of the target that is planned for: passes vary. */
const MARGIN = 0.9
/** A prompt that would be finished with so many times the budget is not divided: each pass costs the streams' rows once more. */
const LAST_PIECE = 1.2

/**
 * Keeps passes that carry running streams within a time, by measuring what a pass without prompts
 * and what a prompt token costs on this machine, with this model, at this moment.
 */
export class PacedPrefill implements PrefillBudget {
  readonly patience: number
  readonly #targetMs: number
  readonly #tile: number
  /** Tokens of a chunk until the first measurement. */
  readonly #first: number
  /** Milliseconds of a pass without prompts, by its number of decodes. */
  readonly #decodeMs: (number | undefined)[] = [0]
  /** Cost of prompt tokens in chunks of a tile or more, and in smaller ones. */
  #promptCost = new PromptCost()
  readonly #raggedCost = new PromptCost()
  #learned = false

  /**
   * @param targetMs Longest time between two tokens of a running stream; 0: chosen from the pace without prompts.
   * @param tile Tokens from which a chunk is computed by tiles; fewer go into a pass only where a target leaves no other way. 0: it makes no difference.
   */
  constructor(targetMs: number, tile = 0) {
    this.patience = targetMs === 0 ? AUTO_PATIENCE : 0
    this.#targetMs = targetMs
    this.#tile = tile
    this.#first = Math.max(MIN_TOKENS, tile)
  }

  tokens(decodes: number, depth: number, pending: number): number {
    if (decodes === 0) return Number.POSITIVE_INFINITY
    const decodeMs = this.#expected(decodes)
    if (decodeMs === undefined) return this.#first
    const target = this.#targetMs || Math.max(AUTO_MIN_MS, AUTO_STRETCH * this.#fullMs(decodeMs))
    const tokens = this.#affordable(MARGIN * target - decodeMs, depth)
    return pending <= LAST_PIECE * tokens ? Math.max(tokens, pending) : tokens
  }

  observe({ decodes, promptTokens, depth = 0, ms }: Pass): void {
    if (promptTokens === 0) {
      this.#decodeMs[decodes] = moved(this.#decodeMs[decodes], ms)
      return
    }
    const decodeMs = this.#expected(decodes)
    // The last few tokens of a prompt cost more than theirs.
    if (decodeMs === undefined || promptTokens < MIN_TOKENS) return
    const tokenMs = Math.max(0, ms - decodeMs) / promptTokens
    if (promptTokens < this.#tile) {
      if (decodes > 0) this.#raggedCost.observe(depth, tokenMs)
      this.#promptCost.forgive()
      return
    }
    // A large chunk without decodes says little of a small one beside them: it only gives the first idea.
    if (decodes === 0 && this.#learned) return
    if (decodes > 0 && !this.#learned) {
      this.#learned = true
      this.#promptCost = new PromptCost()
    }
    this.#promptCost.observe(depth, tokenMs)
  }

  /** Prompt tokens that can be computed in `ms`. */
  #affordable(ms: number, depth: number): number {
    const tokenMs = this.#promptCost.at(depth)
    if (tokenMs === undefined) return this.#first
    const tokens = Math.max(MIN_TOKENS, Math.floor(ms / tokenMs))
    if (tokens >= this.#tile) return tokens
    if (this.#targetMs === 0) return this.#tile
    const raggedMs = this.#raggedCost.at(depth) ?? RAGGED * tokenMs
    return Math.min(this.#tile - 1, Math.max(MIN_TOKENS, Math.floor(ms / raggedMs)))
  }

  /** Milliseconds of a pass with the most decodes seen: the pace of streams when the server is full. */
  #fullMs(decodeMs: number): number {
    return Math.min(this.#decodeMs.at(-1) ?? decodeMs, MAX_STRETCH * decodeMs)
  }

  /** Milliseconds of a pass without prompts, by the nearest number of decodes measured; of two as near, by the larger. */
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
