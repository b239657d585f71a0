import { assertInvariant } from '../base/assert-invariant.ts'
import { FairQueue } from '../base/fair-queue.ts'
import { emptyPrefix } from '../kvcache/prefix.ts'
import type { ShowHeld } from '../kvcache/slot-blocks.ts'
import type { SlotCache } from '../kvcache/slot-cache.ts'
import type { EngineLimits, StepResult } from '../protocol/engine.ts'
import type { FinishReason } from '../protocol/engine-messages.ts'
import { NextPass, type ScheduledEntry } from './next-pass.ts'
import { packingMove } from './packing.ts'
import { type Place, Placement } from './placement.ts'
import { Preemption } from './preemption.ts'
import { type PrefillBudget, WholeBatch } from './prefill-budget.ts'
import type { Sequence } from './sequence.ts'

export interface SchedulerStats {
  readonly waiting: number
  readonly running: number
  /** Tokens that running sequences hold in the KV cache. */
  readonly resident: number
}

export interface SchedulerOptions {
  readonly maxWaiting?: number
  readonly prefill?: PrefillBudget
  /** Tokens from which a copy between slots pays: it moves a whole slot, and fewer tokens are computed as fast. */
  readonly minCopy?: number
  /** See FairQueue. Default: as many tokens as all slots hold. */
  readonly aging?: number
  /** See PreemptionOptions. */
  readonly minStay?: number
}

/** Decides which tokens of which sequences go into the next forward pass. Knows no model, no text and no clock. */
export class Scheduler {
  readonly #limits: EngineLimits
  readonly #cache: SlotCache
  readonly #maxWaiting: number
  readonly #prefill: PrefillBudget
  readonly #placement: Placement
  readonly #queue: FairQueue<Sequence>
  /** Sequences that have a slot, in order of admission. */
  readonly #running = new Set<Sequence>()
  /** True between schedule() and commit(): the engine uses the slots, and those of ended sequences are given back afterwards. */
  #stepping = false
  readonly #leaving: Sequence[] = []
  readonly #preemption: Preemption
  /** Preempted sequences that takePreempted() has not reported yet. */
  readonly #preempted: Sequence[] = []
  /** Adapter of the last pass. */
  #lastTurn: string | undefined

  constructor(
    limits: EngineLimits,
    cache: SlotCache,
    {
      maxWaiting = Number.POSITIVE_INFINITY,
      prefill = new WholeBatch(),
      minCopy = Math.max(32, limits.contextSize / 64),
      aging = limits.slots * limits.contextSize,
      minStay,
    }: SchedulerOptions = {},
  ) {
    this.#limits = limits
    this.#cache = cache
    this.#maxWaiting = maxWaiting
    this.#prefill = prefill
    this.#placement = new Placement(cache, minCopy)
    this.#queue = new FairQueue<Sequence>(aging)
    this.#preemption = new Preemption({ slots: limits.slots, queue: this.#queue, cache, minStay })
  }

  /**
   * Adds a sequence to the queue. False when the queue is full.
   * @param place a sequence that makes room for this one, which takes over its place in the order.
   */
  add(sequence: Sequence, place?: Sequence): boolean {
    const replaces = place !== undefined && place.end === undefined
    if (this.#queue.size >= this.#maxWaiting && !replaces) return false
    this.#queue.add(sequence, replaces ? place : undefined)
    return true
  }

  stats(): SchedulerStats {
    let resident = 0
    for (const sequence of this.#running) resident += sequence.computed
    return { waiting: this.#queue.size, running: this.#running.size, resident }
  }

  /** Shows what each slot holds that a prompt could begin with. Between steps only: copies and restored prefixes are there then. */
  held(show: ShowHeld): void {
    if (!this.#cache.copies) return
    for (const sequence of this.#running) {
      if (sequence.slot !== undefined) show(sequence.slot, sequence, sequence.computed)
    }
    this.#cache.held(show)
  }

  /**
   * The next batch, in ascending order of slots. A pass has the weights of one adapter, or of none: they take turns, so that
   * with three adapters in use each has every third pass.
   */
  schedule(): ScheduledEntry[] {
    const turns = this.#turns()
    // A sequence that moves has to be in the next pass.
    if (this.#queue.size === 0 && turns.length === 1) this.#pack()
    for (const adapter of turns) {
      const { batch } = this.#passOf(adapter)
      if (batch.length === 0) continue
      this.#lastTurn = adapter
      this.#stepping = true
      return batch
    }
    this.#stepping = false
    return []
  }

  /** Adapters of running and waiting sequences, beginning after that of the last pass. */
  #turns(): (string | undefined)[] {
    const turns = [
      ...new Set([...[...this.#running].map(({ adapter }) => adapter), ...this.#queue.adapters()]),
    ]
    const last = turns.indexOf(this.#lastTurn)
    return [...turns.slice(last + 1), ...turns.slice(0, last + 1)]
  }

  #passOf(adapter: string | undefined): NextPass {
    this.#preempt(adapter)
    const pass = new NextPass(this.#limits, this.#cache.copies)
    const streams = [...this.#running].filter(
      (sequence) => sequence.phase === 'decode' && sequence.adapter === adapter,
    )
    if (this.#maySitOut(streams, adapter)) {
      this.#takePrompts(pass, adapter)
      if (pass.size > 0) {
        for (const sequence of streams) sequence.satOut++
        return pass
      }
    }
    // Decodes first: each costs one token, so no prompt, however long, can stall a running stream.
    for (const sequence of streams) pass.take(sequence)
    pass.speculate()
    this.#takePrompts(pass, adapter)
    return pass
  }

  /**
   * Whether streams may be left out of a pass, so that requests that arrive together begin together: while all streams have only
   * begun, prompts that would have to be divided go first, in whole batches. A stream's row costs several times as much beside a
   * chunk as beside other streams.
   */
  #maySitOut(streams: readonly Sequence[], adapter: string | undefined): boolean {
    const { patience } = this.#prefill
    if (streams.length === 0) return false
    const may = ({ justBegan, satOut, arrival }: Sequence): boolean =>
      justBegan && satOut < patience && arrival === undefined
    if (!streams.every(may)) return false
    let pending = 0
    for (const sequence of this.#prompts(adapter)) pending += sequence.pending
    let free = this.#limits.slots - this.#running.size
    for (const sequence of this.#queue.waiting()) if (free-- > 0) pending += sequence.pending
    return pending > this.#prefill.tokens(streams.length, 0, pending)
  }

  /** Adds prompts in the order of the queue, running or waiting; one is overtaken only while another computes what both need. */
  #takePrompts(pass: NextPass, adapter: string | undefined): void {
    const decodes = pass.size
    const take = (sequence: Sequence): void => {
      // The first prompt gets most of the pass: what its tokens cost is what counts.
      if (pass.size === decodes) {
        pass.limit(this.#prefill.tokens(decodes, sequence.computed, sequence.pending))
      }
      pass.take(sequence)
    }
    const running = this.#prompts(adapter)
    const deferred = new Set<Sequence>()
    let full = false
    while (!pass.full) {
      const [first] = running
      // Each look costs a comparison with all that is held: no more of them than there are slots.
      const next = full || deferred.size === this.#limits.slots ? undefined : this.#queue.next(deferred)
      if (next === undefined || (first !== undefined && this.#queue.compare(first, next) < 0)) {
        if (first === undefined) return
        running.shift()
        take(first)
        continue
      }
      const place = this.#placement.placeFor(next, this.#running)
      if (place === 'deferred') deferred.add(next)
      // The head of the queue needs another adapter: sequences behind it wait until that adapter has had its turn.
      else if (place === 'full' || next.adapter !== adapter) full = true
      else {
        this.#admit(next, place)
        take(next)
      }
    }
  }

  /** Records a finished forward pass. Returns the sequences that gained tokens or log probabilities, or ended by it. */
  commit(batch: readonly ScheduledEntry[], results: readonly StepResult[]): Sequence[] {
    this.#stepping = false
    const changed: Sequence[] = []
    for (const [index, { sequence, start, tokens, draft = [] }] of batch.entries()) {
      const result = results[index] ?? new Error('the engine gave no result')
      sequence.restoring = false
      // A sequence that ended during the pass takes nothing from it, and its cells were written all the same.
      if (result instanceof Error) {
        // What it has left in its slot is not known, even of what was to be copied there.
        sequence.computed = 0
        if (sequence.end === undefined) {
          sequence.error = result.message
          this.finish(sequence, 'error')
          changed.push(sequence)
        }
        continue
      }
      sequence.computed = start + tokens.length
      if (sequence.end !== undefined) continue
      const { tokens: sampled, logprobs, following } = result
      sequence.scores.push(...logprobs)
      sequence.promptScores.push(...following)
      if (draft.length > 0) sequence.onVerified(draft.length, sampled.length - 1)
      this.#queue.charge(sequence, sampled.length)
      this.#append(sequence, sampled)
      // Nothing was to be sampled: the prompt was all.
      if (sequence.pending === 0) this.finish(sequence, 'length')
      if (sampled.length > 0 || sequence.pending === 0 || sequence.promptScores.length > 0)
        changed.push(sequence)
    }
    for (const sequence of this.#leaving.splice(0)) this.#giveBack(sequence)
    return changed
  }

  /** All but the last of several tokens were in the pass as guesses: they are computed. */
  #append(sequence: Sequence, sampled: readonly number[]): void {
    for (const [index, token] of sampled.entries()) {
      sequence.tokens.push(token)
      if (index < sampled.length - 1) sequence.computed++
      if (sequence.endsWith(token)) this.finish(sequence, 'stop')
      else if (sequence.generated >= sequence.maxTokens) this.finish(sequence, 'length')
      if (sequence.end !== undefined) return
    }
  }

  /** Takes back a scheduled entry whose restore failed: the sequence computes all of its prompt, from the next step on. */
  retract({ sequence }: ScheduledEntry): void {
    sequence.arrivesWith(0)
    sequence.restoring = false
  }

  /** Ends a sequence wherever it is: waiting, in prefill, running, or in a forward pass. A second call changes nothing. */
  finish(sequence: Sequence, end: FinishReason): void {
    if (sequence.end !== undefined) return
    sequence.end = end
    this.#queue.remove(sequence)
    this.#preemption.delete(sequence)
    if (!this.#running.delete(sequence)) return
    if (this.#stepping) this.#leaving.push(sequence)
    else this.#giveBack(sequence)
  }

  /** @throws Error when sequences, slots, queue and cache contradict each other. Too slow for every step. */
  checkInvariants(): void {
    const holding = [...this.#running, ...this.#leaving]
    assertInvariant(this.#stepping || this.#leaving.length === 0, 'slots are kept for a pass that has ended')
    for (const sequence of holding) this.#checkHolding(sequence)
    for (const { id, end } of this.#running) assertInvariant(end === undefined, `${id} has ended and runs`)
    for (const { id, end } of this.#leaving)
      assertInvariant(end !== undefined, `${id} leaves and has not ended`)
    for (const { id, slot, end, computed } of this.#queue.waiting()) {
      assertInvariant(slot === undefined && end === undefined, `${id} has a slot or an end, and waits`)
      assertInvariant(computed === 0, `${id} waits, and has ${computed} tokens in a slot`)
    }
    this.#queue.checkInvariants(this.#running)
    this.#cache.checkInvariants(holding.map(({ slot }) => slot ?? -1))
  }

  #checkHolding({ id, slot, computed, cached, tokens, promptLength, preemptions }: Sequence): void {
    assertInvariant(slot !== undefined, `${id} runs without a slot`)
    assertInvariant(computed <= tokens.length, `${id} has computed ${computed} of ${tokens.length} tokens`)
    // `cached` is of its first slot, which may have held more than is computed in this one so far.
    const most = preemptions > 0 ? tokens.length : Math.max(computed, promptLength)
    assertInvariant(cached <= most, `${id} found ${cached} tokens`)
    // The last one that is drawn is never computed.
    assertInvariant(tokens.length <= this.#limits.contextSize + 1, `${id} has ${tokens.length} tokens`)
  }

  /** Closes one hole between slots: holes make every pass much slower, as llama.cpp computes each run of slots alone. */
  #pack(): void {
    if (!this.#cache.copies) return
    const bySlot = new Map([...this.#running].map((sequence) => [sequence.slot ?? -1, sequence]))
    const move = packingMove(
      [...bySlot.keys()].sort((a, b) => a - b),
      this.#limits.slots,
    )
    const sequence = move && bySlot.get(move.from)
    // One that generates is in the next batch for certain: what is copied is still there then.
    if (sequence?.phase !== 'decode' || sequence.endsSoon) return
    const lease = this.#cache.claim(move?.to ?? -1)
    if (lease === undefined || sequence.slot === undefined) return
    this.#cache.release(sequence.slot, emptyPrefix(sequence.scope))
    sequence.arrival = { copyFrom: sequence.slot, park: lease.park, restore: undefined }
    sequence.slot = lease.slot
  }

  /**
   * Preempts a running sequence for the first that waits where all slots are taken: one a pass, and only where the waiting one
   * can begin in it.
   */
  #preempt(adapter: string | undefined): void {
    if (this.#queue.size === 0 || this.#running.size < this.#limits.slots) return
    const next = this.#queue.next(new Set())
    if (next === undefined || next.adapter !== adapter) return
    const victim = this.#preemption.victimFor(next, this.#running)
    if (victim === undefined || !this.#begins(next)) return
    this.#running.delete(victim)
    this.#giveBack(victim)
    victim.computed = 0
    victim.preemptions++
    this.#queue.readmit(victim)
    this.#preemption.add(victim)
    this.#preempted.push(victim)
  }

  /** Whether a waiting sequence would be the first prompt of the pass, and would not be deferred. */
  #begins(next: Sequence): boolean {
    const [first] = this.#prompts(next.adapter)
    if (first !== undefined && this.#queue.compare(first, next) < 0) return false
    return !this.#placement.waitsForAnother(next, this.#running)
  }

  /** Sequences that have lost their slot since the last call. */
  takePreempted(): readonly Sequence[] {
    return this.#preempted.splice(0)
  }

  /** Running sequences in prefill, in the order of the queue. */
  #prompts(adapter: string | undefined): Sequence[] {
    const prompts = [...this.#running].filter(
      (sequence) => sequence.phase === 'prefill' && sequence.adapter === adapter,
    )
    return prompts.sort((a, b) => this.#queue.compare(a, b))
  }

  #admit(sequence: Sequence, { wanted, donor }: Place): void {
    const lease = this.#cache.acquire(wanted)
    if (lease === undefined) throw new Error('a slot that was free is not')
    sequence.slot = lease.slot
    sequence.arrivesWith(donor?.ready ?? lease.cached)
    sequence.generatedOnAdmission = sequence.generated
    sequence.arrival = { copyFrom: donor?.slot, park: lease.park, restore: lease.restore }
    this.#running.add(sequence)
    // A preempted sequence is not charged for computing its tokens again.
    this.#queue.admit(sequence, this.#preemption.delete(sequence) ? 0 : sequence.pending)
  }

  #giveBack(sequence: Sequence): void {
    if (sequence.slot === undefined) return
    const { scope, tokens, computed } = sequence
    this.#cache.release(sequence.slot, { scope, tokens: tokens.slice(0, computed) })
    sequence.slot = undefined
  }
}
