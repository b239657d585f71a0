/** Weight of earlier measurements beside a new one. */
const MEMORY = 0.97
/** Weight of a new pass in the slack: a slow one counts at once, a fast one little by little, since targets are for slow ones. */
const RISE = 0.5
const FALL = 0.1

/** Milliseconds that a prompt token costs, by its depth: attention looks at all tokens before it. */
export class PromptCost {
  // Weighted sums over recent passes: of 1, the depth, the cost, and their products.
  #weight = 0
  #depth = 0
  #cost = 0
  #depthDepth = 0
  #depthCost = 0
  /** How many times slower than the fitted line slow passes were. */
  #slack = 1

  /** @param depth tokens before those of the pass. */
  observe(depth: number, msPerToken: number): void {
    const expected = this.#line(depth)
    if (expected !== undefined && expected > 0) {
      const ratio = msPerToken / expected
      this.#slack += (ratio > this.#slack ? RISE : FALL) * (ratio - this.#slack)
    }
    this.#weight = MEMORY * this.#weight + 1
    this.#depth = MEMORY * this.#depth + depth
    this.#cost = MEMORY * this.#cost + msPerToken
    this.#depthDepth = MEMORY * this.#depthDepth + depth * depth
    this.#depthCost = MEMORY * this.#depthCost + depth * msPerToken
  }

  /** Lets the slack fade after a pass that measures nothing of it: what was slow need not be any more. */
  forgive(): void {
    this.#slack += FALL * (Math.min(1, this.#slack) - this.#slack)
  }

  /** Milliseconds of a token at a depth; undefined before the first pass. */
  at(depth: number): number | undefined {
    const expected = this.#line(depth)
    return expected && this.#slack * expected
  }

  /** Fitted line by least squares: never cheaper deeper in, and never below a quarter of the mean. */
  #line(depth: number): number | undefined {
    if (this.#weight === 0) return undefined
    const meanDepth = this.#depth / this.#weight
    const mean = this.#cost / this.#weight
    const spread = this.#depthDepth / this.#weight - meanDepth ** 2
    const slope = spread > 1 ? (this.#depthCost / this.#weight - meanDepth * mean) / spread : 0
    return Math.max(mean / 4, mean + Math.max(0, slope) * (depth - meanDepth))
  }
}
