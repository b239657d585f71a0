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
  /** Where prefixes are moved that leave their slots. */
  readonly parking?: Pick<ParkingLot, 'park' | 'restore' | 'spill' | 'stats'>
  /** What slots hold although nobody uses it, and would have to be parked when they are taken. */
  readonly idle?: () => readonly SlotContent[]
  /** Where it is to be told what slots hold. */
  readonly blocks?: SlotBlocks | undefined
  /** Told of every pass that went through. */
  readonly onPass?: (pass: Pass) => void
  /** Sees every batch before it runs. */
  readonly trace?: (batch: readonly ScheduledEntry[]) => void
  /** Milliseconds, monotonic. */
  readonly now: () => number
}

interface Times {
  readonly addedAt: number
  firstBatchAt: number | undefined
  startTold: boolean
  told: boolean
  /** Of the sequence's tokens; the prompt, and what an earlier engine has generated, need no telling. */
  tokensTold: number
}

/** Without work for so long, slots are written down: a transfer then keeps nobody waiting but whoever comes in the middle of it. */
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
  /** Where nothing can be written, nothing is tried until there was work again. */
  #spills = true

  constructor(options: StepLoopOptions) {
    this.#options = options
  }

  /** @param replaces a sequence that ends, and whose turn this one has. */
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
        startTold: false,
        told: false,
        tokensTold: sequence.tokens.length,
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

  /** Takes effect before the next step. Of an unknown or finished sequence: nothing. */
  cancel(id: string): void {
    const known = this.#sequences.get(id)
    if (known === undefined) return
    this.#options.scheduler.finish(known.sequence, 'cancelled')
    this.#sequences.delete(id)
    this.#events.push({ id, finish: 'cancelled' })
    this.#wake?.()
  }

  /** Runs until aborted. Rejects when the engine is lost, after every sequence has been told. */
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
        if (this.#events.length > 0) this.#tell(0, 0)
        await this.#rest()
      }
    }
  }

  /** A violation rejects run(), and so ends the process: what runs there next begins with nothing. */
  #checkInvariants(): void {
    const { scheduler } = this.#options
    scheduler.checkInvariants()
    const { waiting, running } = scheduler.stats()
    assertInvariant(waiting + running === 0, `${waiting} wait, ${running} run, and there is nothing to do`)
    assertInvariant(this.#sequences.size === 0, `${this.#sequences.size} sequences were forgotten`)
  }

  /** Until there is work, or, after a while without any, one slot is written down. */
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

  /** Empties and fills slots as the batch wants them; returns those entries whose slot is as it should be. */
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
    this.#tell(rowsOf(batch), now() - startedAt)
  }

  #note(sequence: Sequence): void {
    const known = this.#sequences.get(sequence.id)
    if (known === undefined) return
    const { id, end, error, accepted, rejected } = sequence
    const fresh = sequence.tokens.slice(known.times.tokensTold)
    known.times.tokensTold += fresh.length
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

  /** Who waits for a slot in the gateway waits no longer. */
  #noteStart({ id }: Sequence): void {
    const times = this.#sequences.get(id)?.times
    if (times === undefined || times.startTold) return
    times.startTold = true
    if (!times.told) this.#events.push({ id, started: true })
  }

  #admission(sequence: Sequence, times: Times): Pick<SequenceEvent, 'admitted'> {
    if (times.told) return {}
    times.told = true
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

  #tell(batchTokens: number, stepMs: number): void {
    const { engine, scheduler, onStep, parking, blocks } = this.#options
    const { waiting, running, resident } = scheduler.stats()
    const kvUsage = resident / (engine.limits.slots * engine.limits.contextSize)
    const stats = { waiting, running, kvUsage, ...this.#totals, ...(parking?.stats ?? NOTHING_PARKED) }
    const events = this.#events.splice(0)
    const slots = blocks?.changes(scheduler) ?? []
    onStep({ type: 'step', events, stats, batchTokens, stepMs, ...(slots.length > 0 && { slots }) })
  }
}

/** Of a draft that went on behind the end, more tokens were scored than told. */
function addScores(events: SequenceEvent[], { id, scores, promptScores }: Sequence): void {
  const told = scores.splice(0)
  for (const [index, event] of events.entries()) {
    const logprob = told[index]
    if (logprob !== undefined) events[index] = { ...event, logprob }
  }
  if (promptScores.length > 0) events.unshift({ id, promptLogprobs: promptScores.splice(0) })
}

/** A pass with guesses, or with a prompt that is scored, says nothing about one without; nor does one that has lost all its entries. */
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
