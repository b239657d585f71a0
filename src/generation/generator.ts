import { randomUUID } from 'node:crypto'
import { assertInvariant } from '../base/assert-invariant.ts'
import { ServingError } from '../base/errors.ts'
import { keptOf, SharedBound } from '../base/shared-bound.ts'
import type { AdmissionSettings } from '../config/groups.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { EngineCommand, EngineReady, StepMessage } from '../protocol/engine-messages.ts'
import type { TextReady } from '../protocol/text-messages.ts'
import { Detokenizer } from '../text/output/detokenizer.ts'
import { OutputParser } from '../text/output/output-parser.ts'
import { StopMatcher } from '../text/output/stop-matcher.ts'
import { countGeneration } from './count-generation.ts'
import { Generation, type GenerationRecord, type GenerationRequest } from './generation.ts'
import { Permit } from './permit.ts'
import { Quarantine } from './quarantine.ts'
import type { RequestTrace } from './request-trace.ts'
import { timeIsOver, watchTime } from './time-limits.ts'

export interface GeneratorOptions extends AdmissionSettings {
  /** Report of the engine process when it became ready; undefined while there is none. */
  readonly engineReady: () => EngineReady | undefined
  /** Sends a command to the engine. False when the engine cannot take it now. */
  readonly send: (command: EngineCommand) => boolean
  readonly vocabulary: () => TextReady['vocabulary'] | undefined
  /** Receives counts of prompt tokens, once for all choices, and of sampled ones, as they come. */
  readonly onTokens: (tenant: string, count: number) => void
  readonly metrics: Metrics
  readonly onOver: (record: GenerationRecord) => void
}

/** Work that a request is about to ask the engine for. */
export interface Work {
  readonly tenant: string
  readonly prompts: number
  /** Tokens of all prompts together, by estimate. */
  readonly promptTokens: number
  /** Choices of each prompt. */
  readonly choices: number
}

/** Requests that lost an engine, by their ids. */
export interface EngineLoss {
  /** Requests that go on with the next engine. */
  readonly resumed: readonly string[]
  /** Requests that have lost two engines, and failed. */
  readonly quarantined: readonly string[]
}

/** Engines that hung, and had to be killed, after which a request is not given to another. */
const MAX_HANGS = 3

/** A generation in flight, and what the gateway keeps of it until it is over. */
interface Flight {
  readonly generation: Generation
  readonly trace: RequestTrace | undefined
  /** Whether it has not had a slot yet. */
  waits: boolean
  /** Engines that ended by themselves while it was with them. */
  crashes: number
  /** Engines that were killed while it was with them. */
  hangs: number
}

/** How long a request waits for a new engine. */
const RESTART_PATIENCE_MS = 120_000

/** All generations in flight: admits them, hands the engine's steps to them, and carries them over to the next engine when one dies. */
export class Generator {
  readonly #options: GeneratorOptions
  /** Generations in flight, by the id that the engine knows them by. */
  readonly #live = new Map<string, Flight>()
  /** Choices in flight, including those whose prompts are not ready. */
  readonly #inside = new SharedBound()
  /** Tokens of prompts that wait for a slot, or are not ready. */
  readonly #queued = new SharedBound()
  /** Choices and tokens, included in both counts, of prompts that are not ready. */
  readonly #preparing = { choices: 0, tokens: 0 }
  readonly #quarantine = new Quarantine()
  /** Moving average of how long an answer holds its slot. */
  #averageMs = 1000
  #finished = 0
  /** Slots of the engine, also while it is being replaced. */
  #slots: number | undefined
  #patience: NodeJS.Timeout | undefined

  constructor(options: GeneratorOptions) {
    this.#options = options
  }

  get inFlight(): number {
    return this.#live.size
  }

  /** Adapters, by id, of generations that run, and of those that only wait. */
  adapters(): { readonly running: ReadonlySet<string>; readonly waiting: ReadonlySet<string> } {
    const used = { running: new Set<string>(), waiting: new Set<string>() }
    for (const { generation } of this.#live.values()) {
      const { adapter } = generation.request.spec
      if (adapter !== undefined) used[generation.holdsSlot ? 'running' : 'waiting'].add(adapter)
    }
    return used
  }

  /** Generations that have a slot, in order of arrival. */
  running(): { readonly tenant: string; readonly promptTokens: number; readonly generated: number }[] {
    return [...this.#live.values()]
      .map(({ generation }) => generation)
      .filter(({ holdsSlot }) => holdsSlot)
      .map(({ request, usage }) => ({
        tenant: tenantOf(request),
        promptTokens: request.spec.prompt.length,
        generated: usage.completionTokens,
      }))
  }

  /** Takes room for a request before it costs any work. @throws ServingError server_overloaded, model_loading, invalid_value. */
  admit({ tenant, prompts, promptTokens, choices }: Work): Permit {
    const [count, tokens] = [prompts * choices, promptTokens * choices]
    this.#checkRoom(tenant, count, tokens)
    this.#prepare(tenant, count, tokens)
    return new Permit(() => this.#prepare(tenant, -count, -tokens))
  }

  #prepare(tenant: string, choices: number, tokens: number): void {
    this.#preparing.choices += choices
    this.#preparing.tokens += tokens
    this.#inside.add(tenant, choices)
    this.#queued.add(tenant, tokens)
  }

  /**
   * Starts all generations or none, in the room of their permit, which is given back whatever comes of them.
   * @throws ServingError server_overloaded when the queue is full, model_loading when there is no engine, request_quarantined.
   */
  start(requests: readonly GenerationRequest[], permit?: Permit, trace?: RequestTrace): Generation[] {
    permit?.[Symbol.dispose]()
    const vocabulary = this.#options.vocabulary()
    if (vocabulary === undefined) throw notReady()
    this.#checkRoom(
      requests[0] === undefined ? '' : tenantOf(requests[0]),
      requests.length,
      requests.reduce((sum, { spec }) => sum + spec.prompt.length, 0),
    )
    for (const request of requests) this.#quarantine.check(request)
    this.#countPrompts(requests)
    return requests.map((request) => {
      this.#options.metrics.admitted.inc()
      let stopWatch = (): void => undefined
      const generation = new Generation(newId(), request, {
        detokenizer: new Detokenizer(vocabulary, request.output?.markers),
        output: new OutputParser(request.output ?? {}),
        stopMatcher: new StopMatcher([...request.stops, ...(request.turnEnds ?? [])]),
        now: () => performance.now(),
        metrics: this.#options.metrics,
        onRewritten: () => this.#rewrite(flight),
        onOver: (record, cancelEngine) => {
          stopWatch()
          this.#forget(flight, record, cancelEngine)
        },
      })
      const flight: Flight = { generation, trace, waits: true, crashes: 0, hangs: 0 }
      this.#live.set(generation.id, flight)
      this.#inside.add(tenantOf(request), 1)
      this.#queued.add(tenantOf(request), request.spec.prompt.length)
      this.#submit(generation)
      stopWatch = watchTime({
        limits: this.#options.timeLimits,
        deadlineAt: request.deadlineAt ?? Number.POSITIVE_INFINITY,
        stage: () => generation.stage,
        onOver: (code, message) => generation.fail(timeIsOver(code, message, this.retryAfterMs())),
      })
      return generation
    })
  }

  /** @throws ServingError invalid_value when there can never be room; server_overloaded, model_loading. */
  #checkRoom(tenant: string, count: number, tokens: number): void {
    // An engine that died a moment ago is being replaced: what starts now is sent to the next one.
    const slots = this.#options.engineReady()?.limits.slots ?? this.#slots
    if (slots === undefined) throw notReady()
    const { maxQueue, maxQueuedTokens } = this.#options
    const room = slots + maxQueue
    if (count > room) {
      throw new ServingError(
        'invalid_value',
        `This server runs at most ${room} choices at once, you asked for ${count}`,
      )
    }
    if (!this.#inside.takes(tenant, count, room, keptOf(maxQueue))) throw this.#full('its queue is full')
    // A prompt that is longer than all that may wait can wait alone.
    if (this.#inside.all + count <= slots || this.#queued.all === 0) return
    if (!this.#queued.takes(tenant, tokens, maxQueuedTokens, keptOf(maxQueuedTokens)))
      throw this.#full('the prompts in its queue are too long')
  }

  #full(why: string): ServingError {
    return new ServingError('server_overloaded', `The server is at capacity: ${why}. Please retry later`, {
      retryAfterMs: this.retryAfterMs(),
    })
  }

  /** Hands what the engine process reports after a step to its generations. */
  onStep(step: StepMessage): void {
    for (const event of step.events) {
      const flight = this.#live.get(event.id)
      if (flight === undefined) continue
      const { generation } = flight
      if (event.token !== undefined) this.#options.onTokens(tenantOf(generation.request), 1)
      if (event.preempted) this.#onPreempted(flight)
      generation.accept(event)
      if (generation.stage !== 'waiting') this.#leaveQueue(flight)
    }
  }

  #onPreempted({ trace }: Flight): void {
    if (trace !== undefined) trace.preemptions++
    this.#options.metrics.preemptions.inc()
  }

  /** Sends every generation to a new engine, which goes on where the last one stopped. */
  onEngineReady(): void {
    clearTimeout(this.#patience)
    this.#slots = this.#options.engineReady()?.limits.slots
    for (const { generation } of this.#live.values()) this.#submit(generation)
  }

  /**
   * Keeps generations for the next engine when one is gone, and with it every sequence.
   * A request that ran on two engines that ended by themselves is suspected, and fails.
   * @param killed the supervisor killed an engine that did not answer: that says little against the requests that it ran.
   */
  onEngineDown(killed = false): EngineLoss {
    const resumed = new Set<string>()
    const quarantined = new Set<string>()
    for (const flight of this.#live.values()) {
      const { generation, trace } = flight
      const requestId = trace?.id ?? generation.id
      if (trace !== undefined) trace.restarts++
      flight[killed ? 'hangs' : 'crashes']++
      if (flight.crashes >= 2) {
        quarantined.add(requestId)
        this.#quarantine.add(generation.request)
        generation.fail(lost('stopped twice'))
      } else if (flight.hangs >= MAX_HANGS) generation.fail(lost(`hung ${MAX_HANGS} times`))
      else {
        resumed.add(requestId)
        generation.pause()
      }
    }
    clearTimeout(this.#patience)
    this.#patience = setTimeout(() => {
      // No other request is let in to wait for it.
      this.#slots = undefined
      this.failAll('engine_failed', 'The engine did not come back in time')
    }, RESTART_PATIENCE_MS)
    this.#patience.unref()
    this.#options.metrics.resumed.inc(resumed.size)
    this.#options.metrics.quarantined.inc(quarantined.size)
    return { resumed: [...resumed], quarantined: [...quarantined] }
  }

  failAll(code: 'engine_failed' | 'shutting_down', message: string): void {
    for (const { generation } of this.#live.values()) generation.fail(new ServingError(code, message))
  }

  /** Milliseconds after which a refused request may find room, from how long requests took of late. */
  retryAfterMs(): number {
    const slots = this.#slots ?? 1
    const ahead = this.#inside.all - slots + 1
    return Math.min(60_000, Math.max(250, Math.round((this.#averageMs * ahead) / slots)))
  }

  /** Sends a generation anew under another id, so that what the engine still reports of the old sequence is dropped. */
  #rewrite(flight: Flight): void {
    const { generation } = flight
    const { id: old, request } = generation
    generation.id = newId()
    this.#live.delete(old)
    this.#live.set(generation.id, flight)
    this.#options.onTokens(tenantOf(request), request.thoughtLimit?.ending.length ?? 0)
    this.#submit(generation, old)
  }

  /** @throws Error when what waits, what it counts and what is in flight contradict each other. Looks at everything. */
  checkInvariants(): void {
    let tokens = 0
    for (const [id, { generation, waits }] of this.#live) {
      assertInvariant(generation.id === id, `${generation.id} is in flight as ${id}`)
      assertInvariant(!waits || generation.stage === 'waiting', `${id} runs, and waits`)
      if (waits) tokens += generation.request.spec.prompt.length
    }
    this.#inside.checkInvariants(this.#live.size + this.#preparing.choices)
    this.#queued.checkInvariants(tokens + this.#preparing.tokens)
  }

  #submit({ id, request: { spec }, tokens: generated }: Generation, replaces?: string): void {
    // An engine that is just restarting refuses; onEngineReady() sends it again.
    this.#options.send({ type: 'add', id, spec, generated, replaces })
  }

  /** Counts prompt tokens once for all choices that share a prompt. */
  #countPrompts(requests: readonly GenerationRequest[]): void {
    const prompts = new Map(requests.map((request) => [request.spec.prompt, tenantOf(request)]))
    for (const [prompt, tenant] of prompts) this.#options.onTokens(tenant, prompt.length)
  }

  #leaveQueue(flight: Flight): void {
    if (!flight.waits) return
    flight.waits = false
    const { request } = flight.generation
    this.#queued.add(tenantOf(request), -request.spec.prompt.length)
  }

  #forget(flight: Flight, record: GenerationRecord, cancelEngine: boolean): void {
    const { generation, trace } = flight
    this.#live.delete(generation.id)
    this.#inside.add(tenantOf(generation.request), -1)
    trace?.generated(record)
    this.#leaveQueue(flight)
    if (cancelEngine) this.#options.send({ type: 'cancel', id: generation.id })
    if (record.reason === 'stop' || record.reason === 'length') {
      // The first ones count in full: until then it is a guess.
      const weight = Math.max(0.1, 1 / ++this.#finished)
      const { totalMs, queueMs, preemptedMs } = record.timings
      this.#averageMs += weight * (totalMs - queueMs - preemptedMs - this.#averageMs)
    }
    countGeneration(this.#options.metrics, record)
    this.#options.onOver(record)
  }
}

function newId(): string {
  return `seq-${randomUUID()}`
}

function tenantOf({ spec }: GenerationRequest): string {
  return spec.share.tenant
}

function lost(how: string): ServingError {
  return new ServingError('engine_failed', `The engine ${how} while it served this request`)
}

function notReady(): ServingError {
  return new ServingError('model_loading', 'The model is not ready', { retryAfterMs: 2000 })
}
