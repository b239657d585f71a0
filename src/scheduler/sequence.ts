import type { Share } from '../base/share.ts'
import type { Parked } from '../kvcache/parked-prefixes.ts'
import { type Prefix, scopeOf } from '../kvcache/prefix.ts'
import type { SequenceSpec } from '../protocol/sequence-spec.ts'
import type { TokenLogprob } from '../text/token-logprob.ts'
import { PromptLookup } from './prompt-lookup.ts'

/** How a sequence ended. */
export type SequenceEnd = 'stop' | 'length' | 'cancelled' | 'error'

/** One that may generate fewer tokens ends soon. */
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
  /** Whether log probabilities of the prompt are wanted, and every row of it has to be computed for them: whoever goes on with what was generated before has them. */
  readonly scoresPrompt: boolean
  readonly #stopTokens: ReadonlySet<number>
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

  /** Of the latest tokens, and of prompt tokens, until somebody takes them. */
  readonly scores: TokenLogprob[] = []
  readonly promptScores: TokenLogprob[] = []

  /** Drafts that were sampled, and those that were not. */
  accepted = 0
  rejected = 0
  readonly #lookup: PromptLookup | undefined

  /** @param generated what was generated before, by an engine that is gone. Default none. */
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

  get generated(): number {
    return this.tokens.length - this.promptLength
  }

  /** Whether it has had no more than one token in its slot. */
  get justBegan(): boolean {
    return this.generated - this.generatedOnAdmission <= 1
  }

  /** Whether it goes on for so short a time that another slot is not worth it, nor is its own to another. */
  get endsSoon(): boolean {
    return this.maxTokens - this.generated < MIN_AHEAD
  }

  /** Reporting names, and the order of service; nothing else depends on them. */
  get phase(): 'prefill' | 'decode' {
    return this.generated > 0 && this.pending === 1 ? 'decode' : 'prefill'
  }
}
