/** Parts of a generation's time, in milliseconds; token counts as in usage. */
export interface Timings {
  readonly promptTokens: number
  readonly cachedTokens: number
  readonly generatedTokens: number
  /** From acceptance to the first forward pass. */
  readonly queueMs: number
  /** From the first forward pass to the first token. */
  readonly prefillMs: number
  /** From acceptance to the first token; undefined when none came. */
  readonly firstTokenMs: number | undefined
  /** From the first to the last token, without preemptedMs. */
  readonly decodeMs: number
  /** Time without a slot after the first token: from each preemption to the next token. */
  readonly preemptedMs: number
  readonly totalMs: number
}
