import type { TokenLogprob } from '../text/token-logprob.ts'

/** How to draw the next token. Ranges are checked in the gateway; nothing here comes unchecked from a client. */
export interface SamplingParams {
  /** 0 is greedy. */
  readonly temperature: number
  /** 1 is off. */
  readonly topP: number
  /** 0 is off. */
  readonly topK: number
  /** 0 is off. */
  readonly minP: number
  /** Unsigned 32 bits. The draw at a position depends on (seed, position) alone. */
  readonly seed: number
  /** 0 is off. */
  readonly frequencyPenalty: number
  /** 0 is off. */
  readonly presencePenalty: number
  /** 1 is off. */
  readonly repeatPenalty: number
  /** How many of the last tokens (prompt and generated) `repeatPenalty` and its siblings look at. */
  readonly penaltyWindow: number
  /** Added to the logits: [token id, bias]; -Infinity bans a token. */
  readonly logitBias: readonly (readonly [token: number, bias: number])[]
  /** GBNF that the generated text must match, checked and written by us; absent: anything. An engine may refuse it. */
  readonly grammar?: string
}

/** Log probabilities that are wanted of an entry: the model's own, before anything in SamplingParams. */
export interface Scoring {
  /** How many of the most probable tokens to report beside each. 0..20 */
  readonly top: number
  /** Prompt tokens to score: following[i] comes right after tokens[i]. */
  readonly following: readonly number[]
}

/** One sequence's share of a forward pass. */
export interface BatchEntry {
  /** The sequence this belongs to. */
  readonly id: string
  readonly slot: number
  /** Position in the slot at which `tokens` go. Cells at or after it are forgotten first. */
  readonly start: number
  /** Another slot whose cells before `start`, as they were before this pass, are copied into this one first. */
  readonly copyFrom?: number | undefined
  readonly tokens: readonly number[]
  /** Draft tokens after `tokens`, verified in the same pass and kept as far as they are sampled. Default none. */
  readonly draft?: readonly number[]
  /** How to sample after the last token; undefined for a chunk that ends inside its prompt. */
  readonly sample: SamplingParams | undefined
  /** Log probabilities that are wanted. Default none. */
  readonly scoring?: Scoring | undefined
  /** All tokens of the sequence up to and including `tokens`: what penalties look back at. */
  readonly history: readonly number[]
  /** How many of `history` the sequence began with; the rest it has generated. */
  readonly promptLength: number
  /** Id of the LoRA adapter that is applied: the same for all of a pass. Default none. */
  readonly adapter?: string | undefined
}

export interface EngineLimits {
  /** Sequences that can be resident at once. */
  readonly slots: number
  /** Tokens a slot can hold. */
  readonly contextSize: number
  /** Tokens one forward pass can hold. */
  readonly batchTokens: number
  /** Rows of one sequence from which attention is computed by whole tiles, at a fraction of the cost. Default 1. */
  readonly tile?: number
}

/** Result of a pass for one of its entries. */
export interface Sampled {
  /**
   * The sampled tokens: none for a chunk that ends inside its prompt. With a draft, as many of it as were sampled indeed,
   * and one more.
   */
  readonly tokens: readonly number[]
  /** One for each of `tokens` with a scoring, else none. */
  readonly logprobs: readonly TokenLogprob[]
  /** One for each of `scoring.following` with a scoring, else none. */
  readonly following: readonly TokenLogprob[]
}

/** An Error fails its own sequence and no other. */
export type StepResult = Sampled | Error

/** Rows that a pass computes for its entries. */
export function rowsOf(batch: readonly BatchEntry[]): number {
  return batch.reduce((sum, { tokens, draft = [] }) => sum + tokens.length + draft.length, 0)
}

/** All that the scheduler's loop needs of a model. */
export interface Engine {
  readonly limits: EngineLimits
  /** Runs one forward pass. Resolves to one item per entry, in the order given. Rejects only when the engine as a whole is lost. */
  step(batch: readonly BatchEntry[]): Promise<readonly StepResult[]>
  close(): Promise<void>
}

/** An engine whose slots can be written to files. Between steps only. */
export interface SlotStorage {
  /** Writes the keys and values of `tokens`, which a slot holds, and forgets what lies behind them; resolves to the file's bytes. */
  save(slot: number, path: string, tokens: readonly number[]): Promise<number>
  /** Replaces what a slot holds by what save() wrote for the same tokens. Rejects, and leaves the slot empty, when it cannot. */
  load(slot: number, path: string, tokens: readonly number[]): Promise<void>
}

/** An engine that runs with LoRA adapters. Between steps only. */
export interface AdapterHost {
  /** Makes an adapter known; its file has been checked. Rejects when it cannot be loaded. */
  loadAdapter(id: string, path: string): Promise<void>
  /** Forgets one that no sequence uses any more; one that is not known is no error. */
  unloadAdapter(id: string): Promise<void>
}
