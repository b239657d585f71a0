import { NoPrefixSlotCache } from '../../src/kvcache/no-prefix-slot-cache.ts'
import { PrefixSlotCache } from '../../src/kvcache/prefix-slot-cache.ts'
import type { EngineLimits, SamplingParams } from '../../src/protocol/engine.ts'
import { PacedPrefill, type PrefillBudget, WholeBatch } from '../../src/scheduler/prefill-budget.ts'
import { Scheduler } from '../../src/scheduler/scheduler.ts'
import type { Sequence } from '../../src/scheduler/sequence.ts'
import { sequenceOf } from '../../test/support/sequences.ts'
import { SimulatedEngine } from '../../test/support/simulated-engine.ts'

/** The one file of the bench that knows the scheduler's own interface. */

export interface VirtualServerOptions {
  readonly limits: EngineLimits
  readonly prefixCache: boolean
  /** Longest time between two tokens of a running stream in ms, 0: as the server chooses; undefined: prompts take whole batches. */
  readonly itlTargetMs?: number | undefined
  /** Requests that may wait. */
  readonly maxQueue: number
}

/** A request as the scheduler holds it. */
export interface Ticket {
  readonly cached: number
  readonly ended: boolean
  /** Prompt and output so far. */
  readonly tokens: readonly number[]
}

/** What one forward pass held. */
export interface VirtualStep {
  /** Entries of running streams: a token each. */
  readonly decodeTokens: number
  readonly prefillTokens: number
  /** The requests that gained a token. */
  readonly gained: readonly Ticket[]
}

const greedy: SamplingParams = {
  temperature: 0,
  topP: 1,
  topK: 0,
  minP: 0,
  seed: 0,
  frequencyPenalty: 0,
  presencePenalty: 0,
  repeatPenalty: 1,
  penaltyWindow: 0,
  logitBias: [],
}

/** The real scheduler and cache over an engine without a model. It has no clock: who drives it says how long a step took. */
export class VirtualServer {
  readonly #scheduler: Scheduler
  readonly #engine: SimulatedEngine
  readonly #prefill: PrefillBudget
  readonly #tickets = new Map<Sequence, SequenceTicket>()
  #count = 0

  constructor({ limits, prefixCache, itlTargetMs, maxQueue }: VirtualServerOptions) {
    const cache = prefixCache ? new PrefixSlotCache(limits.slots) : new NoPrefixSlotCache(limits.slots)
    this.#prefill = itlTargetMs === undefined ? new WholeBatch() : new PacedPrefill(itlTargetMs)
    this.#scheduler = new Scheduler(limits, cache, { maxWaiting: maxQueue, prefill: this.#prefill })
    this.#engine = new SimulatedEngine(limits)
  }

  /** Undefined when the queue is full. */
  add(prompt: readonly number[], maxTokens: number): Ticket | undefined {
    const id = String(this.#count++)
    const sequence = sequenceOf({ id, prompt, maxTokens, stopTokens: [], sampling: greedy })
    if (!this.#scheduler.add(sequence)) return undefined
    const ticket = new SequenceTicket(sequence)
    this.#tickets.set(sequence, ticket)
    return ticket
  }

  /** Undefined when there is nothing to do. */
  async step(): Promise<VirtualStep | undefined> {
    const batch = this.#scheduler.schedule()
    if (batch.length === 0) return undefined
    // Counted before the commit, which moves prompts into decoding.
    const prefill = batch.filter(({ sequence }) => sequence.phase === 'prefill')
    const prefillTokens = prefill.reduce((sum, { tokens }) => sum + tokens.length, 0)
    const results = await this.#engine.step(batch)
    const gained = this.#scheduler.commit(batch, results).map((sequence) => this.#ticketOf(sequence))
    return { decodeTokens: batch.length - prefill.length, prefillTokens, gained }
  }

  /** How long the pass took, in ms: what the pace of prompts is learned from. */
  took({ decodeTokens, prefillTokens }: VirtualStep, ms: number): void {
    this.#prefill.observe({ decodes: decodeTokens, promptTokens: prefillTokens, ms })
  }

  #ticketOf(sequence: Sequence): SequenceTicket {
    const ticket = this.#tickets.get(sequence)
    if (ticket === undefined) throw new Error(`sequence ${sequence.id} is not known`)
    if (sequence.error !== undefined) throw new Error(sequence.error)
    if (ticket.ended) this.#tickets.delete(sequence)
    return ticket
  }
}

class SequenceTicket implements Ticket {
  readonly #sequence: Sequence

  constructor(sequence: Sequence) {
    this.#sequence = sequence
  }

  get cached(): number {
    return this.#sequence.cached
  }

  get ended(): boolean {
    return this.#sequence.end !== undefined
  }

  get tokens(): readonly number[] {
    return this.#sequence.tokens
  }
}
