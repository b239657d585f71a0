import { type TransferRule, transfersByLength } from '../kvcache/transfer-rule.ts'
import type { Pass } from './prefill-budget.ts'
import { PromptCost } from './prompt-cost.ts'

/** Weight of a new measurement in the average. */
const FRESH = 0.3
/** Share of the computing time that reading may take: both vary. */
const MARGIN = 0.8
/** Prompt tokens from which a pass is measured: smaller ones say little of what a token costs. */
const MIN_CHUNK = 32

/** The rule by measurement: reads keys and values back where that was faster on this machine than computing them again. */
export class TransferCost implements TransferRule {
  readonly #unmeasured = transfersByLength()
  readonly #compute = new PromptCost()
  /** Milliseconds for each token that is read. */
  #readMs: number | undefined

  get least(): number {
    return this.#unmeasured.least
  }

  /** Takes the time of a restored prefix. */
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
