import type { Engine, EngineLimits, StepResult } from '../../src/protocol/engine.ts'
import type { ScheduledEntry } from '../../src/scheduler/next-pass.ts'
import { SimulatedEngine } from '../support/simulated-engine.ts'
import { KvJudge } from './kv-judge.ts'
import { VOCABULARY } from './oracle.ts'

/** Who is told what an engine sees, and knows what it cannot. */
export interface Observer {
  complain(complaint: string): void
  onPass(batch: readonly ScheduledEntry[]): void
  /** Whose keys and values a sequence may use, as its client has asked. */
  scopeOf(id: string): string
}

interface Pass {
  readonly batch: readonly ScheduledEntry[]
  readonly resolve: (results: Promise<readonly StepResult[]>) => void
  readonly reject: (error: Error) => void
}

/** The simulated engine, whose passes end when they are told to, as they are told to. */
export class JudgedEngine implements Engine {
  readonly limits: EngineLimits
  readonly #engine: SimulatedEngine
  readonly #judge: KvJudge
  readonly #observer: Observer
  readonly #files = new Map<string, string>()
  #fault: { readonly entry: number; readonly error: Error } | undefined
  #torn = 0
  #pass: Pass | undefined

  constructor(limits: EngineLimits, observer: Observer) {
    this.limits = limits
    this.#observer = observer
    this.#judge = new KvJudge(limits.slots)
    this.#engine = new SimulatedEngine(limits, {
      vocabulary: VOCABULARY,
      fault: () => this.#fault,
      files: {
        read: async (path) => this.#files.get(path) ?? '',
        write: async (path, text) => void this.#files.set(path, text),
      },
    })
  }

  /** What runs now. */
  get batch(): readonly ScheduledEntry[] | undefined {
    return this.#pass?.batch
  }

  step(batch: readonly ScheduledEntry[]): Promise<readonly StepResult[]> {
    const complaint = this.#judge.pass(batch, (id) => this.#observer.scopeOf(id))
    if (complaint !== undefined) this.#observer.complain(complaint)
    this.#observer.onPass(batch)
    return new Promise((resolve, reject) => {
      this.#pass = { batch, resolve, reject }
    })
  }

  /** The pass ends. @param failing the entry that fails. */
  finish(failing?: number): void {
    const pass = this.#pass
    if (pass === undefined) return
    this.#pass = undefined
    this.#fault = failing === undefined ? undefined : { entry: failing, error: new Error('a planted fault') }
    const slot = pass.batch[failing ?? -1]?.slot
    if (slot !== undefined) this.#judge.spoil(slot)
    pass.resolve(this.#engine.step(pass.batch))
  }

  lose(): void {
    this.#pass?.reject(new Error('the device is gone'))
    this.#pass = undefined
  }

  tear(transfers: number): void {
    this.#torn = transfers
  }

  async save(slot: number, path: string, tokens: readonly number[]): Promise<number> {
    const complaint = this.#judge.save(slot, path, tokens)
    if (complaint !== undefined) this.#observer.complain(complaint)
    this.#transfer()
    return this.#engine.save(slot, path, tokens)
  }

  async load(slot: number, path: string, tokens: readonly number[]): Promise<void> {
    this.#judge.spoil(slot)
    this.#transfer()
    await this.#engine.load(slot, path, tokens)
    this.#judge.load(slot, path)
  }

  loadAdapter = (id: string): Promise<void> => this.#engine.loadAdapter(id)
  unloadAdapter = (id: string): Promise<void> => this.#engine.unloadAdapter(id)
  close = (): Promise<void> => this.#engine.close()

  #transfer(): void {
    if (this.#torn <= 0) return
    this.#torn--
    throw new Error('a planted fault')
  }
}
