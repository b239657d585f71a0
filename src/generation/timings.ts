/** Where a generation's time went. Milliseconds; token counts as in usage. */
export interface Timings {
  readonly promptTokens: number
  readonly cachedTokens: number
  readonly generatedTokens: number
  /** Accepted to first forward pass. */
  readonly queueMs: number
  /** First forward pass to first token. */
  readonly prefillMs: number
  /** Accepted to first token; undefined when none came. */
  readonly firstTokenMs: number | undefined
  /** First to last token. */
  readonly decodeMs: number
  readonly totalMs: number
}
