import { type Share, THE_ONE_TENANT } from '../base/share.ts'
import type { Parked } from '../kvcache/parked-prefixes.ts'
import { type Prefix, scopeOf } from '../kvcache/prefix.ts'
import type { SamplingParams } from '../protocol/engine.ts'
import type { TokenLogprob } from '../text/token-logprob.ts'
import { PromptLookup } from './prompt-lookup.ts'

/** How a sequence ended. */
export type SequenceEnd = 'stop' | 'length' | 'cancelled' | 'error'

/** One that may generate fewer tokens ends soon. */
const LEAST_AHEAD = 8

export interface SequenceParams {
  readonly id: string
  /** At least one token. */
  readonly prompt: readonly number[]
  /** What was generated before, by an engine that is gone. Default none. */
  readonly generated?: readonly number[]
  /** Whether to guess tokens ahead, and what the output is expected to be like. Default no. */
  readonly speculation?: { readonly prediction: readonly number[] } | undefined
  /** 0: the prompt is computed, and that is all. */
  readonly maxTokens: number
  /** Sampling one of these ends the sequence. */
  readonly stopTokens: readonly number[]
  readonly sampling: SamplingParams
  /** Which log probabilities are wanted. Default none. */
  readonly logprobs?: LogprobRequest | undefined
  /** Whose keys and values it may use, and who may use its own: see Prefix. Default ''. */
  readonly cacheScope?: string
  /** The LoRA adapter it runs with, by its id. Default none. */
  readonly adapter?: string | undefined
  /** Default: the one tenant there is. */
  readonly share?: Share
}

export interface LogprobRequest {
  /** How many of the most probable tokens to tell beside each token. 0..20 */
  readonly top: number
  /** Whether those of the prompt are wanted, too: of all its tokens but the first. */
  readonly prompt: boolean
}

/** See BatchEntry.copyFrom and SlotLease. */
export interface Arrival {
  readonly copyFrom: number | undefined
  readonly park: Parked | undefined
  readonly restore: Parked | undefined
}

/** One generation in flight: its tokens, and how many of them are already in the KV cache. */
export class Sequence implements Prefix {
  readonly id: string
  readonly maxTokens: number
  readonly stopTokens: ReadonlySet<number>
  readonly sampling: SamplingParams
  readonly promptLength: number
  readonly tokens: number[]
  readonly scope: string
  readonly adapter: string | undefined
  readonly share: Share
  /** `tokens[0, computed)` have their keys and values in `slot`. */
  computed = 0
  /** Prompt tokens found in its first slot when it was leased. */
  cached = 0
  slot: number | undefined
  /** Tokens that it had generated when it got its slot. */
  generatedOnAdmission = 0
  /** Passes that it has sat out after its first token, for prompts that came with it. */
  satOut = 0
  /** Times that it had to give up its slot. */
  preemptions = 0
  /** What has to happen to its slot before its first tokens enter it. */
  arrival: Arrival | undefined
  /** Whether part of what counts as computed is still on its way into the slot. */
  restoring = false
  end: SequenceEnd | undefined
  /** With `end` 'error'. */
  error: string | undefined

  readonly logprobs: LogprobRequest | undefined
  /** Of the latest tokens, and of prompt tokens, until somebody takes them. */
  readonly scores: TokenLogprob[] = []
  readonly promptScores: TokenLogprob[] = []

  /** Drafts that were sampled, and those that were not. */
  accepted = 0
  rejected = 0
  readonly #lookup: PromptLookup | undefined

  constructor(params: SequenceParams) {
    const { id, prompt, generated = [], maxTokens, stopTokens, sampling, speculation } = params
    if (prompt.length === 0) throw new RangeError(`sequence ${id} has an empty prompt`)
    this.id = id
    this.maxTokens = maxTokens
    this.stopTokens = new Set(stopTokens)
    this.sampling = sampling
    this.promptLength = prompt.length
    this.tokens = [...prompt, ...generated]
    this.logprobs = params.logprobs
    this.adapter = params.adapter
    this.scope = scopeOf(params.cacheScope ?? '', params.adapter)
    this.share = params.share ?? THE_ONE_TENANT
    this.#lookup = speculation && new PromptLookup(speculation.prediction)
  }

  /** So many of its tokens are in the slot that it gets; of its first one that is what was found. */
  arrivesWith(tokens: number): void {
    this.computed = tokens
    if (this.preemptions === 0) this.cached = tokens
  }

  /** A guess of what comes next, at most `room` tokens. */
  draft(room: number): readonly number[] {
    return this.#lookup?.guess(this.tokens, Math.min(room, this.maxTokens - this.generated - 1)) ?? []
  }

  /** @param guessed tokens of a draft, of which `right` were sampled. */
  judgeDraft(guessed: number, right: number): void {
    this.accepted += right
    this.rejected += guessed - right
    this.#lookup?.learn(guessed, right)
  }

  get pending(): number {
    return this.tokens.length - this.computed
  }

  /** Whether every row of the prompt has to be computed for this sequence alone. */
  get scoresPrompt(): boolean {
    return this.logprobs?.prompt === true
  }

  get generated(): number {
    return this.tokens.length - this.promptLength
  }

  /** Whether it has had no more than one token in its slot. */
  get justBegan(): boolean {
    return this.generated - this.generatedOnAdmission <= 1
  }

  /** Whether it goes on for so short a time that another slot is not worth it, nor is its own to another. */
  get endsSoon(): boolean {
    return this.maxTokens - this.generated < LEAST_AHEAD
  }

  /** Reporting names, and the order of service; nothing else depends on them. */
  get phase(): 'prefill' | 'decode' {
    return this.generated > 0 && this.pending === 1 ? 'decode' : 'prefill'
  }
}
