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
  /** First to last token, without preemptedMs. */
  readonly decodeMs: number
  /** After its first token, until the next one each time that it had to give up its slot. */
  readonly preemptedMs: number
  readonly totalMs: number
}
