import { vi } from 'vitest'
import type { ServingError } from '../../src/base/errors.ts'
import type { Generation, GenerationRecord } from '../../src/generation/generation.ts'
import { Generator } from '../../src/generation/generator.ts'
import { Metrics } from '../../src/metrics/metrics.ts'
import type { StepMessage } from '../../src/protocol/engine-messages.ts'
import type { ScheduledEntry } from '../../src/scheduler/next-pass.ts'
import type { Ask, Command, Settings } from './case.ts'
import { Door } from './door.ts'
import { EngineLink } from './engine-link.ts'
import type { Observer } from './judged-engine.ts'
import { Oracle, type Planned, vocabulary } from './oracle.ts'
import { Reader } from './reader.ts'

const oracle = new Oracle()
/** Of all worlds, which come one after the other. */
export const metrics = new Metrics('world')
const admissions = async (): Promise<number> => (await metrics.admitted.get()).values[0]?.value ?? 0
const NEVER = Number.POSITIVE_INFINITY

/** One choice of one request, as its client sees it, and what an undisturbed server would have told. */
export interface Choice extends Planned {
  readonly generation: Generation
  readonly reader: Reader
  readonly acceptedAt: number
  /** Engines that it has lost: that died, and that hung and were killed. */
  losses: number
  hangs: number
  faulted: boolean
  cancelled: boolean
  endJudged: boolean
}

/** The gateway's generator, the supervisor of the engine process, and in it step loop, scheduler and cache: all real, but for what is native. */
export class World implements Observer {
  readonly settings: Settings
  readonly choices: Choice[] = []
  /** What was seen to be wrong, in the words of who saw it. */
  readonly complaints: string[] = []
  readonly records: GenerationRecord[] = []
  /** When the last engine was lost; undefined while there is one. */
  downAt: number | undefined
  readonly generator: Generator
  /** The passes, as far as the order of arrival tells them. */
  readonly passes: string[] = []
  readonly #asks: Ask[] = []
  readonly #link: EngineLink
  readonly #door: Door
  #admittedBefore = 0

  constructor(settings: Settings) {
    this.settings = settings
    const { maxQueue, maxQueuedTokens, queueMs, firstTokenMs, totalMs } = settings
    this.#door = new Door(this)
    this.generator = new Generator({
      engineReady: () => this.#link.ready,
      send: (command) => this.#link.send(command),
      maxQueue,
      maxQueuedTokens,
      timeLimits: {
        queueMs: queueMs || NEVER,
        firstTokenMs: firstTokenMs || NEVER,
        totalMs: totalMs || NEVER,
      },
      vocabulary: () => vocabulary,
      onTokens: () => undefined,
      metrics,
      onOver: (record) => this.records.push(record),
    })
    const gateway = {
      onReady: () => {
        this.downAt = undefined
        this.generator.onEngineReady()
      },
      onStep: (step: StepMessage) => this.generator.onStep(step),
      onLost: () => this.#onLost(),
    }
    this.#link = new EngineLink(settings, this, gateway, metrics)
  }

  complain(complaint: string): void {
    this.complaints.push(complaint)
  }

  onPass(batch: readonly ScheduledEntry[]): void {
    const number = (of: string): number => this.choices.findIndex(({ generation }) => generation.id === of)
    const entries = batch.map(
      ({ id, slot, start, tokens }) => `${number(id)}@${slot}:${start}+${tokens.length}`,
    )
    this.passes.push(`${performance.now()} ${entries.join(' ')}`)
  }

  scopeOf(id: string): string {
    const spec = this.choices.find(({ generation }) => generation.id === id)?.request.spec
    return `${spec?.cacheScope} ${spec?.adapter}`
  }

  get scheduler() {
    return this.#link.scheduler
  }
  get live(): Choice[] {
    return this.choices.filter(({ generation }) => !generation.over)
  }

  /** As the metrics have it. */
  async admitted(): Promise<number> {
    return (await admissions()) - this.#admittedBefore
  }

  /** How the last engine ended. */
  #killed = false

  async open(): Promise<void> {
    this.#admittedBefore = await admissions()
    this.#link.start()
    await this.#link.settle()
  }

  async apply(command: Command): Promise<void> {
    if (command.do === 'ask') await this.#ask(command.ask)
    else if (command.do === 'again') await this.#again(command.at)
    else if (command.do === 'step') for (let pass = 0; pass < command.passes; pass++) await this.#step()
    else if (command.do === 'tick') vi.advanceTimersByTime(command.ms)
    else if (command.do === 'crash' || command.do === 'hang')
      this.#crash(command.heardLate, command.do === 'hang')
    else if (command.do === 'fault') this.#fault(command.entry)
    else if (command.do === 'lose') this.#link.engine?.lose()
    else if (command.do === 'tear') this.#link.engine?.tear(command.transfers)
    else if (command.do === 'hold') this.#link.held = command.held
    else this.#client(command.do, this.choices[command.at % this.choices.length])
    await this.#link.settle()
  }

  /** Everybody is served to the end: an engine is there, the pipe is quick, readers read. */
  async finish(): Promise<void> {
    this.#link.held = false
    for (const { reader } of this.choices) reader.read()
    for (let round = 0; this.#busy(); round++) {
      if (round > 3000) throw new Error(`${this.live.length} are never served`)
      if (this.#link.ready === undefined) vi.advanceTimersByTime(5)
      await this.#step()
    }
    await this.#link.settle()
  }

  #busy(): boolean {
    return this.live.length > 0 || this.#link.ready === undefined || this.#link.engine?.batch !== undefined
  }

  close(): void {
    vi.clearAllTimers()
  }

  #client(action: 'cancel' | 'leave' | 'stall' | 'read', choice: Choice | undefined): void {
    if (choice === undefined) return
    const { reader, generation } = choice
    if (action === 'stall') reader.stall()
    else if (action === 'read') reader.read()
    else {
      choice.cancelled = true
      if (action === 'leave') reader.leaving = true
      else generation.cancel()
    }
  }

  async #again(at: number): Promise<void> {
    const ask = this.#asks[at % this.#asks.length]
    if (ask !== undefined) await this.#ask(ask)
  }

  async #ask(ask: Ask): Promise<void> {
    this.#asks.push(ask)
    const now = performance.now()
    const plans = await Promise.all(
      Array.from({ length: ask.n }, (_, choice) => oracle.plan(ask, choice, now)),
    )
    const requests = plans.map(({ request }) => request)
    const refusal = this.#door.refusal(requests)
    try {
      const generations = this.generator.start(requests)
      if (refusal !== undefined) this.complain(`let in, though ${refusal}`)
      if (generations.length !== ask.n) this.complain(`${generations.length} of ${ask.n} choices`)
      for (const [index, generation] of generations.entries())
        this.#follow(generation, plans[index] as Planned)
    } catch (error) {
      const { code, message } = error as ServingError
      if (code !== refusal) this.complain(`refused with ${code} (${message}), not ${refusal}`)
    }
  }

  #follow(generation: Generation, plan: Planned): void {
    const reader = new Reader(generation)
    const acceptedAt = performance.now()
    this.choices.push({
      ...plan,
      generation,
      reader,
      acceptedAt,
      losses: 0,
      hangs: 0,
      faulted: false,
      cancelled: false,
      endJudged: false,
    })
  }

  async #step(): Promise<void> {
    this.#link.engine?.finish()
    await this.#link.settle()
  }

  #fault(entry: number): void {
    const { engine } = this.#link
    const failing = engine?.batch?.[entry]
    if (failing === undefined) return
    for (const choice of this.choices) if (choice.generation.id === failing.id) choice.faulted = true
    engine?.finish(entry)
  }

  #crash(heardLate: boolean, killed: boolean): void {
    this.#killed = killed
    const lengths = (): string => this.choices.map(({ generation }) => generation.tokens.length).join()
    const before = lengths()
    this.#link.crash(heardLate)
    if (lengths() !== before) this.complain('a dead engine was heard')
  }

  #onLost(): void {
    this.downAt = performance.now()
    for (const choice of this.live) {
      choice[this.#killed ? 'hangs' : 'losses']++
      if (choice.losses === 2) this.#door.quarantine(choice.request)
    }
    this.generator.onEngineDown(this.#killed)
  }
}
