import type { Share } from '../base/share.ts'
import type { SamplingParams } from './engine.ts'

/**
 * One generation as the engine is to run it: the same value from the reader of a request to the sequence in the scheduler.
 * No field is optional, so that every maker of one decides on each of them.
 */
export interface SequenceSpec {
  /** Tokens of the prompt, one at least. */
  readonly prompt: Uint32Array
  /** Tokens to generate at most; 0: only the prompt is computed. prompt.length + maxTokens <= contextSize. */
  readonly maxTokens: number
  /** The sequence ends with `stop` when one of these is sampled. Empty when end of generation is ignored. */
  readonly stopTokens: readonly number[]
  readonly sampling: SamplingParams
  /** Settings of speculative decoding, with tokens that the output may resemble; undefined: off. Never changes the output. */
  readonly speculation: { readonly prediction: readonly number[] } | undefined
  /** Log probabilities that are wanted. */
  readonly logprobs: LogprobRequest | undefined
  /** Sequences of different scopes never share keys and values; '' is the scope shared by all tenants. */
  readonly cacheScope: string
  /** Id of the LoRA adapter that it runs with. */
  readonly adapter: string | undefined
  /** Tenant and priority it is scheduled by. */
  readonly share: Share
}

export interface LogprobRequest {
  /** How many of the most probable tokens to report beside each token. 0..20 */
  readonly top: number
  /** Whether those of the prompt are wanted, too: for all its tokens but the first. */
  readonly prompt: boolean
}
