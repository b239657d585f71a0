import type { BatchEntry, EngineLimits, StepResult } from '../engine/engine.ts'
import type { SlotCache } from '../kvcache/slot-cache.ts'
import type { Sequence, SequenceEnd } from './sequence.ts'

export interface ScheduledEntry extends BatchEntry {
  readonly sequence: Sequence
}

export interface SchedulerStats {
  readonly waiting: number
  readonly running: number
  /** Tokens that running sequences hold in the KV cache. */
  readonly resident: number
}

/** Decides which tokens of which sequences go into the next forward pass. Knows no model, no text and no clock. */
export class Scheduler {
  readonly #limits: EngineLimits
  readonly #cache: SlotCache
  readonly #maxWaiting: number
  readonly #waiting: Sequence[] = []
  /** In order of arrival. */
  readonly #running = new Set<Sequence>()
  /** Between schedule() and commit() slots are in use by the engine: those of finished sequences are given back after it. */
  #stepping = false
  readonly #leaving: Sequence[] = []

  constructor(limits: EngineLimits, cache: SlotCache, maxWaiting = Number.POSITIVE_INFINITY) {
    this.#limits = limits
    this.#cache = cache
    this.#maxWaiting = maxWaiting
  }

  /** False when as many wait as may. */
  add(sequence: Sequence): boolean {
    if (this.#waiting.length >= this.#maxWaiting) return false
    this.#waiting.push(sequence)
    return true
  }

  stats(): SchedulerStats {
    let resident = 0
    for (const sequence of this.#running) resident += sequence.computed
    return { waiting: this.#waiting.length, running: this.#running.size, resident }
  }

  /** The next batch, in ascending order of slots: llama.cpp groups only ascending, consecutive sequences. */
  schedule(): ScheduledEntry[] {
    const batch: ScheduledEntry[] = []
    let budget = this.#limits.batchTokens
    const take = (sequence: Sequence): void => {
      const entry = entryOf(sequence, budget)
      if (entry === undefined) return
      budget -= entry.tokens.length
      batch.push(entry)
    }
    // Decodes first: each costs one token, so no prompt, however long, can stall a running stream.
    for (const phase of ['decode', 'prefill'] as const) {
      for (const sequence of this.#running) if (sequence.phase === phase) take(sequence)
    }
    // The head of the queue is never overtaken.
    for (let next = this.#waiting[0]; next !== undefined && budget > 0; next = this.#waiting[0]) {
      if (!this.#admit(next)) break
      this.#waiting.shift()
      take(next)
    }
    this.#stepping = batch.length > 0
    return batch.sort((a, b) => a.slot - b.slot)
  }

  /** Records a finished forward pass and returns the sequences that gained a token or failed. */
  commit(batch: readonly ScheduledEntry[], results: readonly StepResult[]): Sequence[] {
    this.#stepping = false
    const changed: Sequence[] = []
    for (const [index, { sequence, tokens }] of batch.entries()) {
      const result = results[index]
      // A sequence that ended during the pass takes nothing from it, and its cells were written all the same.
      if (result instanceof Error) {
        if (sequence.end === undefined) {
          sequence.error = result.message
          this.finish(sequence, 'error')
          changed.push(sequence)
        }
        continue
      }
      sequence.computed += tokens.length
      if (sequence.end !== undefined || result === undefined) continue
      sequence.tokens.push(result)
      changed.push(sequence)
      if (sequence.stopTokens.has(result)) this.finish(sequence, 'stop')
      else if (sequence.generated >= sequence.maxTokens) this.finish(sequence, 'length')
    }
    for (const sequence of this.#leaving.splice(0)) this.#giveBack(sequence)
    return changed
  }

  /** Ends a sequence wherever it is: waiting, in prefill, running, or in a forward pass. A second call changes nothing. */
  finish(sequence: Sequence, end: SequenceEnd): void {
    if (sequence.end !== undefined) return
    sequence.end = end
    const queued = this.#waiting.indexOf(sequence)
    if (queued !== -1) this.#waiting.splice(queued, 1)
    if (!this.#running.delete(sequence)) return
    if (this.#stepping) this.#leaving.push(sequence)
    else this.#giveBack(sequence)
  }

  /** @throws Error when slots, sequences and counts contradict each other. Call between steps. */
  checkIntegrity(): void {
    const held: number[] = []
    for (const sequence of [...this.#running, ...this.#leaving]) {
      if (sequence.slot === undefined) throw new Error(`${sequence.id} runs without a slot`)
      if (sequence.computed > sequence.tokens.length)
        throw new Error(`${sequence.id} has computed more than it has`)
      if (sequence.tokens.length > this.#limits.contextSize + 1)
        throw new Error(`${sequence.id} is over its context`)
      held.push(sequence.slot)
    }
    if (new Set(held).size < held.length) throw new Error(`a slot is held twice: ${held.join()}`)
    for (const sequence of this.#waiting) {
      if (sequence.slot !== undefined || sequence.end !== undefined)
        throw new Error(`${sequence.id} should not wait`)
    }
    this.#cache.checkIntegrity(held)
  }

  #admit(sequence: Sequence): boolean {
    const lease = this.#cache.acquire(sequence.tokens)
    if (lease === undefined) return false
    sequence.slot = lease.slot
    sequence.computed = sequence.cached = lease.cached
    this.#running.add(sequence)
    return true
  }

  #giveBack(sequence: Sequence): void {
    if (sequence.slot === undefined) return
    // What an entry that failed has left in its cells is not known.
    const resident = sequence.end === 'error' ? [] : sequence.tokens.slice(0, sequence.computed)
    this.#cache.release(sequence.slot, resident)
    sequence.slot = undefined
  }
}

function entryOf(sequence: Sequence, budget: number): ScheduledEntry | undefined {
  const { id, slot, computed: start, tokens: history, pending, sampling } = sequence
  const count = Math.min(pending, budget)
  if (count === 0 || slot === undefined) return undefined
  return {
    sequence,
    id,
    slot,
    start,
    tokens: history.slice(start, start + count),
    sample: count === pending ? sampling : undefined,
    history,
  }
}
