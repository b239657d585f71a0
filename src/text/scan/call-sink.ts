/** Receives what a parser finds, in order. */
export interface CallSink {
  /** Content: what is no call, markup of malformed calls included. */
  text(text: string): void
  /** A piece of a thought, where the format marks them itself. */
  thought(text: string): void
  /** A call begins. */
  call(name: string): void
  /** A piece of the JSON text of the current call's arguments, as the model wrote it. */
  args(text: string): void
  /** The current call is complete. */
  callEnd(): void
}

/**
 * Takes a model's text in any pieces; the outcome does not depend on how it was cut.
 * Time is linear in the text, and what is held back is at most one call, and where arguments stream its head.
 */
export interface ToolParser {
  push(text: string): void
  /** Ends the text: what was held back becomes text. */
  end(): void
  /** Whether a thought is open, in a format with a `lead`. */
  readonly inThought?: boolean
  /** Offset in all that was pushed at which content begins, in a format with a `lead`. */
  readonly contentStart?: number | undefined
}
