/** Share of what was known before that counts beside a new measurement. */
const MEMORY = 0.97
/** A pass that was slower than thought counts at once, a faster one little by little: a target is for the slow ones. */
const RISE = 0.5
const FALL = 0.1

/** What a prompt token costs, in milliseconds, by how many tokens are before it: attention looks at all of them. */
export class PromptCost {
  // Weighted sums over the passes of late: of 1, the depth, the cost, and their products.
  #weight = 0
  #depth = 0
  #cost = 0
  #depthDepth = 0
  #depthCost = 0
  /** How much slower than the line the slow ones were. */
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

  /** Passes went by that tell nothing of it: what was slow need not be any more. */
  forgive(): void {
    this.#slack += FALL * (Math.min(1, this.#slack) - this.#slack)
  }

  /** Milliseconds of a token at a depth; undefined until a pass was seen. */
  at(depth: number): number | undefined {
    const expected = this.#line(depth)
    return expected && this.#slack * expected
  }

  /** Least squares; never cheaper deeper in, nor so cheap at the start that it would be free. */
  #line(depth: number): number | undefined {
    if (this.#weight === 0) return undefined
    const meanDepth = this.#depth / this.#weight
    const mean = this.#cost / this.#weight
    const spread = this.#depthDepth / this.#weight - meanDepth ** 2
    const slope = spread > 1 ? (this.#depthCost / this.#weight - meanDepth * mean) / spread : 0
    return Math.max(mean / 4, mean + Math.max(0, slope) * (depth - meanDepth))
  }
}
