import { EventEmitter } from 'node:events'
import { StepLoop } from '../../src/engine/step-loop.ts'
import { NoPrefixSlotCache } from '../../src/kvcache/no-prefix-slot-cache.ts'
import { ParkedPrefixes } from '../../src/kvcache/parked-prefixes.ts'
import { PrefixSlotCache } from '../../src/kvcache/prefix-slot-cache.ts'
import { transfersByLength } from '../../src/kvcache/transfer-rule.ts'
import type { ChildFrame, ParentFrame } from '../../src/process/child-channel.ts'
import type { EngineLimits } from '../../src/protocol/engine.ts'
import type { EngineCommand, EngineReady } from '../../src/protocol/engine-messages.ts'
import type { ScheduledEntry } from '../../src/scheduler/next-pass.ts'
import { Scheduler } from '../../src/scheduler/scheduler.ts'
import { Sequence } from '../../src/scheduler/sequence.ts'
import type { Settings } from './case.ts'
import { JudgedEngine, type Observer } from './judged-engine.ts'
import { MemoryLot } from './memory-lot.ts'
import { ADAPTER, CONTEXT } from './oracle.ts'
import { PATIENCE, passComplaints } from './pass-laws.ts'

/** An engine process without a process: what is said to it, and what it says, waits to be delivered. */
export class EngineHost extends EventEmitter {
  readonly stdout = null
  readonly stderr = null
  connected = true
  readonly #settings: Settings
  readonly #observer: Observer
  readonly #inbox: ParentFrame[] = []
  readonly #outbox: ChildFrame[] = []
  /** Those that it was given and that have not left, by arrival. */
  readonly #sequences = new Set<Sequence>()
  /** Those of them that have had a slot in a pass. */
  readonly #begun = new Set<Sequence>()
  #epoch = -1
  #engine: JudgedEngine | undefined
  #scheduler: Scheduler | undefined
  #loop: StepLoop | undefined

  constructor(settings: Settings, observer: Observer) {
    super()
    this.#settings = settings
    this.#observer = observer
  }

  get engine(): JudgedEngine | undefined {
    return this.#engine
  }
  get scheduler(): Scheduler | undefined {
    return this.#scheduler
  }

  send(frame: ParentFrame): void {
    this.#inbox.push(frame)
  }

  kill(signal: string): void {
    this.die(signal)
  }

  die(cause: string): void {
    if (!this.connected) return
    this.connected = false
    this.emit('exit', null, cause)
  }

  hear(): void {
    if (this.connected) for (const frame of this.#inbox.splice(0)) this.#take(frame)
  }

  /** True when there was something to say. */
  speak(): boolean {
    const frames = this.#outbox.splice(0)
    for (const frame of frames) this.emit('message', frame)
    return frames.length > 0
  }

  #take(frame: ParentFrame): void {
    if (frame.kind === 'init') {
      this.#epoch = frame.epoch
      this.#open()
    } else if (frame.kind === 'message') this.#command(frame.message as EngineCommand)
  }

  #command(command: EngineCommand): void {
    if (command.type === 'cancel') this.#loop?.cancel(command.id)
    if (command.type !== 'add') return
    const sequence = new Sequence(command.id, command.spec, command.generated)
    this.#sequences.add(sequence)
    this.#loop?.add(sequence)
  }

  #open(): void {
    const { slots, batchTokens, tile, maxQueue, minCopy, aging, minStay, prefill } = this.#settings
    const limits: EngineLimits = { slots, batchTokens, tile, contextSize: CONTEXT }
    const engine = new JudgedEngine(limits, {
      complain: (complaint) => this.#observer.complain(complaint),
      scopeOf: (id) => this.#observer.scopeOf(id),
      onPass: (batch) => this.#judge(batch),
    })
    const { cache, lot } = this.#cacheOf(engine)
    const budget = {
      patience: PATIENCE,
      tokens: (decodes: number) => (decodes > 0 ? prefill : batchTokens),
      observe: () => undefined,
    }
    this.#scheduler = new Scheduler(limits, cache, {
      maxWaiting: slots + maxQueue + 3,
      minCopy,
      aging,
      minStay,
      ...(prefill > 0 && { prefill: budget }),
    })
    this.#engine = engine
    this.#loop = new StepLoop({
      engine,
      scheduler: this.#scheduler,
      now: () => performance.now(),
      onPass: ({ decodes, promptTokens }) => {
        if (decodes + promptTokens === 0) this.#observer.complain('a pass of nothing is measured')
      },
      onStep: (message) => {
        this.#afterPass()
        this.#outbox.push({ kind: 'message', epoch: this.#epoch, message })
      },
      ...(lot && { parking: lot, idle: () => cache.idle() }),
    })
    void engine.loadAdapter(ADAPTER)
    this.#loop.run(new AbortController().signal).catch((error: Error) => this.#fail(error))
    const ready: EngineReady = {
      limits,
      kvCells: slots * CONTEXT,
      modelBytes: 0,
      parameters: 0,
    }
    this.#outbox.push({ kind: 'ready', epoch: this.#epoch, ready })
  }

  #cacheOf(engine: JudgedEngine) {
    const { slots, prefixCache, parkedBytes } = this.#settings
    if (!prefixCache) return { cache: new NoPrefixSlotCache(slots), lot: undefined }
    if (parkedBytes === 0) return { cache: new PrefixSlotCache(slots), lot: undefined }
    const parked = new ParkedPrefixes(parkedBytes)
    return {
      cache: new PrefixSlotCache(slots, parked, transfersByLength(4)),
      lot: new MemoryLot(engine, parked),
    }
  }

  /** A loop rejects when its engine is lost, and never else. */
  #fail(error: Error): void {
    if (error.message !== 'the device is gone') this.#observer.complain(error.message)
    this.#outbox.push({ kind: 'fatal', epoch: this.#epoch, message: error.message })
    this.die('SIGABRT')
  }

  #judge(batch: readonly ScheduledEntry[]): void {
    this.#observer.onPass(batch)
    const all = [...this.#sequences]
    for (const complaint of passComplaints(batch, all, this.#begun, this.#settings))
      this.#observer.complain(complaint)
    for (const sequence of all) if (sequence.slot !== undefined) this.#begun.add(sequence)
  }

  #afterPass(): void {
    this.#check()
    for (const sequence of this.#sequences) {
      if (sequence.end === undefined) continue
      if (sequence.slot !== undefined) this.#observer.complain(`${sequence.id} has ended and keeps its slot`)
      this.#sequences.delete(sequence)
      this.#begun.delete(sequence)
    }
  }

  #check(): void {
    try {
      this.#scheduler?.checkInvariants()
    } catch (error) {
      this.#observer.complain(String(error))
    }
  }
}
