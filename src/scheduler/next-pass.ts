import type { Parked } from '../kvcache/parked-prefixes.ts'
import type { BatchEntry, EngineLimits, Scoring } from '../protocol/engine.ts'
import { prefillChunk } from './prefill-chunk.ts'
import type { Sequence } from './sequence.ts'

export interface ScheduledEntry extends BatchEntry {
  readonly sequence: Sequence
  /** The prefix to park from the slot before this pass, and the one to restore into it: see SlotLease. */
  readonly park?: Parked | undefined
  readonly restore?: Parked | undefined
}

/** Rows of a pass up to which drafts are added. */
const MAX_SPECULATED = 16
/** Prompt tokens of a pass that are scored: llama.cpp keeps 4 bytes a vocabulary entry for each, and reading takes time. */
const MAX_SCORED = 32

/** The next forward pass while it is put together. The scheduler decides which sequences go in, and in which order. */
export class NextPass {
  readonly #limits: EngineLimits
  readonly #canCut: boolean
  readonly #batch: ScheduledEntry[] = []
  #room: number
  /** Prompt tokens in the pass that are scored. */
  #scored = 0

  /** @param canCut whether a slot can be cut at any token: without it no token is computed again or drafted. */
  constructor(limits: EngineLimits, canCut: boolean) {
    this.#limits = limits
    this.#canCut = canCut
    this.#room = limits.batchTokens
  }

  /** Entries in ascending order of slots: llama.cpp groups only ascending, consecutive sequences. */
  get batch(): ScheduledEntry[] {
    return this.#batch.toSorted((a, b) => a.slot - b.slot)
  }

  get size(): number {
    return this.#batch.length
  }

  get full(): boolean {
    return this.#room <= 0
  }

  /** Limits the tokens that the pass still takes. */
  limit(tokens: number): void {
    this.#room = Math.min(this.#room, tokens)
  }

  /** Takes as many tokens of a sequence that has a slot as there is room for. */
  take(sequence: Sequence): void {
    const scores = sequence.scoresPrompt && sequence.computed < sequence.promptLength
    const room = scores ? Math.min(this.#room, MAX_SCORED - this.#scored) : this.#room
    const entry = this.#entryOf(sequence, room)
    if (entry === undefined) return
    this.#room -= entry.tokens.length
    if (scores) this.#scored += entry.tokens.length
    this.#batch.push(entry)
  }

  /** Adds drafts to the entries of running streams, while these are so few that more rows cost little. */
  speculate(): void {
    if (!this.#canCut) return
    // Prompts have half of what is left, at least.
    const left = Math.floor((this.#limits.batchTokens - this.size) / 2)
    let room = Math.min(MAX_SPECULATED - this.size, left)
    for (const [index, entry] of this.#batch.entries()) {
      const ahead = Math.min(room, this.#limits.contextSize - entry.start - entry.tokens.length)
      const draft = ahead > 0 ? entry.sequence.draft(ahead) : []
      if (draft.length > 0) this.#batch[index] = { ...entry, draft }
      room -= draft.length
      this.#room -= draft.length
    }
  }

  #entryOf(sequence: Sequence, room: number): ScheduledEntry | undefined {
    const { id, slot, spec, arrival, computed, tokens: history, pending } = sequence
    if (room <= 0 || slot === undefined) return undefined
    // A prompt token is scored once, and so computed once.
    const again = this.#canCut && !sequence.scoresPrompt ? computed : 0
    const { count, back } =
      sequence.phase === 'decode'
        ? { count: pending, back: 0 }
        : prefillChunk(pending, again, room, this.#limits.tile ?? 1, this.size > 0)
    if (count === 0) return undefined
    sequence.arrival = undefined
    sequence.restoring = arrival?.restore !== undefined
    return {
      sequence,
      id,
      slot,
      start: computed - back,
      ...arrival,
      tokens: history.slice(computed - back, computed + count),
      sample: count === pending && spec.maxTokens > 0 ? spec.sampling : undefined,
      scoring: spec.logprobs && scoringOf(sequence, spec.logprobs.top, computed, count),
      history,
      promptLength: sequence.promptLength,
      adapter: spec.adapter,
    }
  }
}

function scoringOf(
  { scoresPrompt, promptLength, tokens }: Sequence,
  top: number,
  start: number,
  count: number,
): Scoring {
  const end = Math.min(start + count + 1, promptLength)
  return { top, following: scoresPrompt ? tokens.slice(start + 1, end) : [] }
}
