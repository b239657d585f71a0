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

/** One sequence's share of a forward pass. */
export interface BatchEntry {
  /** The sequence this belongs to. */
  readonly id: string
  readonly slot: number
  /** Where in the slot `tokens` go. Cells at or after it are forgotten first. */
  readonly start: number
  /** Another slot, whose cells before `start` are copied into this one first, as they were before this pass. */
  readonly copyFrom?: number | undefined
  readonly tokens: readonly number[]
  /** Guesses of what is sampled after `tokens`, computed in the same pass and kept as far as they are right. Default none. */
  readonly draft?: readonly number[]
  /** How to sample after the last token; undefined for a chunk that ends inside its prompt. */
  readonly sample: SamplingParams | undefined
  /** All tokens of the sequence up to and including `tokens`: what penalties look back at. */
  readonly history: readonly number[]
  /** How many of `history` the sequence began with; the rest it has generated. */
  readonly promptLength: number
}

export interface EngineLimits {
  /** Sequences that can be resident at once. */
  readonly slots: number
  /** Tokens a slot can hold. */
  readonly contextSize: number
  /** Tokens one forward pass can hold. */
  readonly batchTokens: number
  /** Rows of one sequence from which on attention is computed by whole tiles, at a fraction of the price. Default 1. */
  readonly tile?: number
}

/**
 * What an entry got: the sampled token, undefined where none was asked, or the error that only this entry met.
 * With a draft the sampled tokens: as many of the draft as were sampled indeed, and one more.
 * An Error fails its own sequence and no other.
 */
export type StepResult = number | readonly number[] | undefined | Error

/** All that the rest of the server knows about a model's forward pass. */
export interface Engine {
  readonly limits: EngineLimits
  /** Runs one forward pass. Resolves to one item per entry, in the order given. Rejects only when the engine as a whole is lost. */
  step(batch: readonly BatchEntry[]): Promise<readonly StepResult[]>
  /**
   * Writes the keys and values of `tokens`, which a slot holds, to a file, and forgets what lies behind them; resolves to
   * the file's bytes. Between steps only.
   */
  save(slot: number, path: string, tokens: readonly number[]): Promise<number>
  /** Replaces what a slot holds by what save() wrote for the same tokens. Rejects, and leaves the slot empty, when it cannot. */
  load(slot: number, path: string, tokens: readonly number[]): Promise<void>
  close(): Promise<void>
}
