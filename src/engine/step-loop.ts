import { assertInvariant } from '../base/assert-invariant.ts'
import type { SlotBlocks } from '../kvcache/slot-blocks.ts'
import type { SlotContent } from '../kvcache/slot-cache.ts'
import { type Engine, rowsOf } from '../protocol/engine.ts'
import type { SequenceEvent, StepMessage } from '../protocol/engine-messages.ts'
import type { ScheduledEntry } from '../scheduler/next-pass.ts'
import type { Pass } from '../scheduler/prefill-budget.ts'
import type { Scheduler } from '../scheduler/scheduler.ts'
import type { Sequence } from '../scheduler/sequence.ts'
import type { ParkingLot } from './parking/parking-lot.ts'

export interface StepLoopOptions {
  readonly engine: Engine
  readonly scheduler: Scheduler
  /** One message a step, with all that happened in it. */
  readonly onStep: (message: StepMessage) => void
  /** Moves prefixes out of slots and back. Default: none are moved. */
  readonly parking?: Pick<ParkingLot, 'park' | 'restore' | 'spill' | 'stats'>
  /** Content of free slots that would have to be parked when the slots are leased. */
  readonly idle?: () => readonly SlotContent[]
  /** Finds the blocks that have changed in the slots; undefined: they are not reported. */
  readonly blocks?: SlotBlocks | undefined
  /** Called with every finished pass without drafts and scored prompts. */
  readonly onPass?: (pass: Pass) => void
  /** Sees every batch before it runs. */
  readonly trace?: (batch: readonly ScheduledEntry[]) => void
  /** Milliseconds, monotonic. */
  readonly now: () => number
}

interface Times {
  readonly addedAt: number
  firstBatchAt: number | undefined
  startReported: boolean
  admissionReported: boolean
  /** How many of the sequence's tokens the gateway has: from the start its prompt, and those that an earlier engine generated. */
  tokensReported: number
}

/** Milliseconds without work after which slots are parked: a request waits for a transfer only when it comes in the middle of it. */
const IDLE_MS = 500

const NOTHING_PARKED = { parked: 0, restored: 0, parkingFailed: 0, parkedBytes: 0 }

/** One forward pass after another while there is work; asleep otherwise. Owns no policy and no model. */
export class StepLoop {
  readonly #options: StepLoopOptions
  readonly #sequences = new Map<string, { readonly sequence: Sequence; readonly times: Times }>()
  readonly #events: SequenceEvent[] = []
  readonly #totals = { steps: 0, promptTokens: 0, cachedTokens: 0, generatedTokens: 0 }
  readonly #tasks: (() => Promise<void>)[] = []
  #wake: (() => void) | undefined
  /** Whether idle slots are parked: after a failure none is tried until there was work again. */
  #spills = true

  constructor(options: StepLoopOptions) {
    this.#options = options
  }

  /** @param replaces id of a sequence that is cancelled, and whose place in the queue this one takes. */
  add(sequence: Sequence, replaces?: string): void {
    const place = replaces === undefined ? undefined : this.#sequences.get(replaces)?.sequence
    const added = this.#options.scheduler.add(sequence, place)
    if (replaces !== undefined) this.cancel(replaces)
    if (!added) {
      this.#events.push({ id: sequence.id, finish: 'error', message: 'The queue of the engine is full' })
    } else {
      const times = {
        addedAt: this.#options.now(),
        firstBatchAt: undefined,
        startReported: false,
        admissionReported: false,
        tokensReported: sequence.tokens.length,
      }
      this.#sequences.set(sequence.id, { sequence, times })
    }
    this.#wake?.()
  }

  /** Runs a task while no step runs: the next one waits for it. Settles as the task does. */
  between(task: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#tasks.push(() => task().then(resolve, reject))
      this.#wake?.()
    })
  }

  /** Cancels a sequence before the next step; does nothing for an unknown or finished one. */
  cancel(id: string): void {
    const known = this.#sequences.get(id)
    if (known === undefined) return
    this.#options.scheduler.finish(known.sequence, 'cancelled')
    this.#sequences.delete(id)
    this.#events.push({ id, finish: 'cancelled' })
    this.#wake?.()
  }

  /** Runs until aborted. Rejects when the engine is lost or an invariant is broken. */
  async run(signal: AbortSignal): Promise<void> {
    const { scheduler } = this.#options
    signal.addEventListener('abort', () => this.#wake?.(), { once: true })
    while (!signal.aborted) {
      for (const task of this.#tasks.splice(0)) await task()
      const batch = scheduler.schedule()
      for (const { id } of scheduler.takePreempted()) this.#events.push({ id, preempted: true })
      if (batch.length > 0) await this.#step(batch)
      else {
        this.#checkInvariants()
        if (this.#events.length > 0) this.#report(0, 0)
        await this.#rest()
      }
    }
  }

  /** Checks invariants at rest. A violation rejects run(), and so ends the process: the next one begins with nothing. */
  #checkInvariants(): void {
    const { scheduler } = this.#options
    scheduler.checkInvariants()
    const { waiting, running } = scheduler.stats()
    assertInvariant(waiting + running === 0, `${waiting} wait, ${running} run, and there is nothing to do`)
    assertInvariant(this.#sequences.size === 0, `${this.#sequences.size} sequences were forgotten`)
  }

  /** Waits for work; after a while without any it parks the content of one free slot. */
  async #rest(): Promise<void> {
    const { parking, idle } = this.#options
    const spilled = parking && this.#spills ? idle?.()[0] : undefined
    let timer: NodeJS.Timeout | undefined
    const woken = await new Promise<boolean>((resolve) => {
      this.#wake = () => resolve(true)
      if (spilled !== undefined) timer = setTimeout(() => resolve(false), IDLE_MS)
    })
    clearTimeout(timer)
    this.#wake = undefined
    if (!woken && spilled !== undefined) this.#spills = (await parking?.spill(spilled)) === true
  }

  /** Parks and restores prefixes as the batch needs it. Returns the entries whose slots are ready. */
  async #settle(batch: readonly ScheduledEntry[]): Promise<readonly ScheduledEntry[]> {
    const { parking, scheduler } = this.#options
    for (const { slot, park } of batch) if (park !== undefined) await parking?.park(slot, park)
    const lost = new Set<ScheduledEntry>()
    for (const entry of batch) {
      if (entry.restore === undefined || (await parking?.restore(entry.slot, entry.restore))) continue
      scheduler.retract(entry)
      lost.add(entry)
    }
    return lost.size === 0 ? batch : batch.filter((entry) => !lost.has(entry))
  }

  async #step(scheduled: readonly ScheduledEntry[]): Promise<void> {
    const batch = await this.#settle(scheduled)
    const { engine, scheduler, now, trace, onPass } = this.#options
    trace?.(batch)
    const startedAt = now()
    for (const { sequence } of batch) {
      const times = this.#sequences.get(sequence.id)?.times
      if (times !== undefined) times.firstBatchAt ??= startedAt
    }
    const changed = scheduler.commit(batch, await engine.step(batch))
    this.#totals.steps++
    this.#spills = true
    if (isTypical(batch)) onPass?.(passOf(batch, now() - startedAt))
    for (const sequence of changed) this.#note(sequence)
    for (const { sequence } of batch) this.#noteStart(sequence)
    this.#report(rowsOf(batch), now() - startedAt)
  }

  #note(sequence: Sequence): void {
    const known = this.#sequences.get(sequence.id)
    if (known === undefined) return
    const { id, end, error, accepted, rejected } = sequence
    const fresh = sequence.tokens.slice(known.times.tokensReported)
    known.times.tokensReported += fresh.length
    this.#totals.generatedTokens += fresh.length
    const events: SequenceEvent[] = fresh.map((token) => ({ id, token }))
    if (sequence.spec.logprobs !== undefined) addScores(events, sequence)
    const last = events.pop() ?? { id }
    events.push({
      ...last,
      ...(end === undefined ? {} : { finish: end }),
      ...(end === undefined || accepted + rejected === 0 ? {} : { drafts: { accepted, rejected } }),
      ...(error === undefined ? {} : { message: error }),
    })
    if (fresh.length > 0 || end !== undefined)
      events[0] = { ...(events[0] ?? { id }), ...this.#admission(sequence, known.times) }
    this.#events.push(...events)
    if (end !== undefined) this.#sequences.delete(id)
  }

  /** Reports once that a sequence has a slot, so that the gateway's queue timeout ends. */
  #noteStart({ id }: Sequence): void {
    const times = this.#sequences.get(id)?.times
    if (times === undefined || times.startReported) return
    times.startReported = true
    if (!times.admissionReported) this.#events.push({ id, started: true })
  }

  #admission(sequence: Sequence, times: Times): Pick<SequenceEvent, 'admitted'> {
    if (times.admissionReported) return {}
    times.admissionReported = true
    this.#totals.promptTokens += sequence.promptLength
    this.#totals.cachedTokens += sequence.cached
    const firstBatchAt = times.firstBatchAt ?? times.addedAt
    return {
      admitted: {
        cached: sequence.cached,
        queueMs: firstBatchAt - times.addedAt,
        prefillMs: this.#options.now() - firstBatchAt,
      },
    }
  }

  #report(batchTokens: number, stepMs: number): void {
    const { engine, scheduler, onStep, parking, blocks } = this.#options
    const { waiting, running, resident } = scheduler.stats()
    const kvUsage = resident / (engine.limits.slots * engine.limits.contextSize)
    const stats = { waiting, running, kvUsage, ...this.#totals, ...(parking?.stats ?? NOTHING_PARKED) }
    const events = this.#events.splice(0)
    const slots = blocks?.changes(scheduler) ?? []
    onStep({ type: 'step', events, stats, batchTokens, stepMs, ...(slots.length > 0 && { slots }) })
  }
}

/** Adds log probabilities to the events of their tokens. A draft that went on behind the end has more of them than events. */
function addScores(events: SequenceEvent[], { id, scores, promptScores }: Sequence): void {
  const taken = scores.splice(0)
  for (const [index, event] of events.entries()) {
    const logprob = taken[index]
    if (logprob !== undefined) events[index] = { ...event, logprob }
  }
  if (promptScores.length > 0) events.unshift({ id, promptLogprobs: promptScores.splice(0) })
}

/** Whether a pass says something about the next: none of its entries has a draft or a scored prompt, and it has entries at all. */
function isTypical(batch: readonly ScheduledEntry[]): boolean {
  return batch.length > 0 && !batch.some(({ draft, scoring }) => draft ?? scoring?.following.length)
}

function passOf(batch: readonly ScheduledEntry[], ms: number): Pass {
  let decodes = 0
  let promptTokens = 0
  let depths = 0
  for (const { start, tokens, sequence } of batch) {
    if (start >= sequence.promptLength && tokens.length === 1) decodes++
    else {
      promptTokens += tokens.length
      depths += tokens.length * start
    }
  }
  return { decodes, promptTokens, depth: promptTokens > 0 ? depths / promptTokens : 0, ms }
}
