import type { Share } from '../base/share.ts'
import type { Parked } from '../kvcache/parked-prefixes.ts'
import { type Prefix, scopeOf } from '../kvcache/prefix.ts'
import type { FinishReason } from '../protocol/engine-messages.ts'
import type { SequenceSpec } from '../protocol/sequence-spec.ts'
import type { TokenLogprob } from '../text/token-logprob.ts'
import { PromptLookup } from './prompt-lookup.ts'

/** Tokens left to generate below which a sequence ends soon. */
const MIN_AHEAD = 8

/** See BatchEntry.copyFrom and SlotLease. */
export interface Arrival {
  readonly copyFrom: number | undefined
  readonly park: Parked | undefined
  readonly restore: Parked | undefined
}

/** One generation in flight: its tokens, and how many of them are already in the KV cache. */
export class Sequence implements Prefix {
  readonly id: string
  readonly spec: SequenceSpec
  readonly promptLength: number
  readonly tokens: number[]
  readonly scope: string
  /**
   * Whether every row of the prompt is computed for its log probabilities. False for a sequence that goes on after an engine that
   * is gone: the gateway has them.
   */
  readonly scoresPrompt: boolean
  readonly #stopTokens: ReadonlySet<number>
  /** `tokens[0, computed)` have their keys and values in `slot`. */
  computed = 0
  /** Prompt tokens found in its first slot when it was leased. */
  cached = 0
  slot: number | undefined
  /** Tokens generated before it got its present slot. */
  generatedOnAdmission = 0
  /** Passes it was left out of after its first token, for prompts that came with it. */
  satOut = 0
  /** How often it had to give up its slot. */
  preemptions = 0
  /** Change to the slot that must come before the sequence's first tokens enter it. */
  arrival: Arrival | undefined
  /** Whether some of the computed tokens are still to be restored into the slot. */
  restoring = false
  end: FinishReason | undefined
  /** Why it failed, where `end` is 'error'. */
  error: string | undefined

  /** Log probabilities of the latest tokens, and of prompt tokens, until the step loop takes them. */
  readonly scores: TokenLogprob[] = []
  readonly promptScores: TokenLogprob[] = []

  /** Draft tokens accepted and rejected. */
  accepted = 0
  rejected = 0
  readonly #lookup: PromptLookup | undefined

  /** @param generated tokens generated before, by an engine that is gone. Default none. */
  constructor(id: string, spec: SequenceSpec, generated: Iterable<number> = []) {
    if (spec.prompt.length === 0) throw new RangeError(`sequence ${id} has an empty prompt`)
    this.id = id
    this.spec = spec
    this.promptLength = spec.prompt.length
    this.tokens = [...spec.prompt, ...generated]
    this.scope = scopeOf(spec.cacheScope, spec.adapter)
    this.scoresPrompt = spec.logprobs?.prompt === true && this.generated === 0
    this.#stopTokens = new Set(spec.stopTokens)
    this.#lookup = spec.speculation && new PromptLookup(spec.speculation.prediction)
  }

  get maxTokens(): number {
    return this.spec.maxTokens
  }

  get adapter(): string | undefined {
    return this.spec.adapter
  }

  get share(): Share {
    return this.spec.share
  }

  endsWith(token: number): boolean {
    return this.#stopTokens.has(token)
  }

  /** Notes how many of its tokens are in the slot that it gets. In its first slot these are its cached tokens. */
  arrivesWith(tokens: number): void {
    this.computed = tokens
    if (this.preemptions === 0) this.cached = tokens
  }

  /** A draft of what comes next, at most `room` tokens. */
  draft(room: number): readonly number[] {
    return this.#lookup?.propose(this.tokens, Math.min(room, this.maxTokens - this.generated - 1)) ?? []
  }

  /** Counts a verified draft. @param drafted its tokens. @param accepted those that were sampled. */
  onVerified(drafted: number, accepted: number): void {
    this.accepted += accepted
    this.rejected += drafted - accepted
    this.#lookup?.learn(drafted, accepted)
  }

  get pending(): number {
    return this.tokens.length - this.computed
  }

  get generated(): number {
    return this.tokens.length - this.promptLength
  }

  /** Whether it has generated at most one token in its present slot. */
  get justBegan(): boolean {
    return this.generated - this.generatedOnAdmission <= 1
  }

  /** Whether it ends so soon that moving or preempting it does not pay. */
  get endsSoon(): boolean {
    return this.maxTokens - this.generated < MIN_AHEAD
  }

  /** `decode` once it generates and only its last token is not computed. For reports and the order of service alone. */
  get phase(): 'prefill' | 'decode' {
    return this.generated > 0 && this.pending === 1 ? 'decode' : 'prefill'
  }
}
