/** Log probabilities at one position: natural logarithms, over the whole vocabulary. */
export interface TokenLogprob {
  readonly logprob: number
  /** The most probable tokens, in order. */
  readonly top: readonly (readonly [token: number, logprob: number])[]
}
