import { type TransferRule, transfersByLength } from '../kvcache/transfer-rule.ts'
import type { Pass } from './prefill-budget.ts'
import { PromptCost } from './prompt-cost.ts'

/** Share of a new measurement. */
const FRESH = 0.3
/** What is read has to be so much faster than what it spares: both vary. */
const MARGIN = 0.8
/** Passes of fewer prompt tokens say little of what a token costs. */
const MIN_CHUNK = 32

/** Whether keys and values are read back, or computed again: by what both were measured to take on this machine. */
export class TransferCost implements TransferRule {
  readonly #unmeasured = transfersByLength()
  readonly #compute = new PromptCost()
  /** Milliseconds for each token that is read. */
  #readMs: number | undefined

  get least(): number {
    return this.#unmeasured.least
  }

  /** So many tokens were read back. */
  onRestored(tokens: number, ms: number): void {
    const each = ms / tokens
    this.#readMs = this.#readMs === undefined ? each : this.#readMs + FRESH * (each - this.#readMs)
  }

  onPass({ promptTokens, decodes, depth = 0, ms }: Pass): void {
    if (promptTokens >= MIN_CHUNK) this.#compute.observe(depth, ms / (promptTokens + decodes))
  }

  pays(held: number, from: number, spared: number): boolean {
    const computeMs = this.#compute.at(from + spared / 2)
    if (this.#readMs === undefined || computeMs === undefined) {
      return this.#unmeasured.pays(held, from, spared)
    }
    return spared >= this.least && this.#readMs * held < MARGIN * computeMs * spared
  }
}
