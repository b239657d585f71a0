import type { Share } from '../base/share.ts'
import type { SamplingParams } from './engine.ts'

/**
 * One generation as the engine is to run it: the same value from the reader of a request to the sequence in the scheduler.
 * No field is optional, so that whoever makes one decides on each of them.
 */
export interface SequenceSpec {
  /** At least one token. */
  readonly prompt: Uint32Array
  /** Tokens to generate, at most; 0: the prompt is computed, and that is all. prompt.length + maxTokens <= contextSize. */
  readonly maxTokens: number
  /** The sequence ends with `stop` when one of these is sampled. Empty when end of generation is ignored. */
  readonly stopTokens: readonly number[]
  readonly sampling: SamplingParams
  /** Whether to guess tokens ahead, and what the output is expected to be like. It never changes the output. */
  readonly speculation: { readonly prediction: readonly number[] } | undefined
  /** Log probabilities that are wanted. */
  readonly logprobs: LogprobRequest | undefined
  /** Sequences of different scopes never share keys and values; '' is everybody's. */
  readonly cacheScope: string
  /** The id of the LoRA adapter that it runs with. */
  readonly adapter: string | undefined
  /** Whose work it is. */
  readonly share: Share
}

export interface LogprobRequest {
  /** How many of the most probable tokens to report beside each token. 0..20 */
  readonly top: number
  /** Whether those of the prompt are wanted, too: of all its tokens but the first. */
  readonly prompt: boolean
}
