import type { FastifyBaseLogger } from 'fastify'
import { AdapterLoader } from '../adapters/adapter-loader.ts'
import { Adapters } from '../adapters/adapters.ts'
import type { ModelFile, ReadyModel, ServedAdapters } from '../api/serving.ts'
import { modelLoading, ServingError } from '../base/errors.ts'
import { DEFAULT_TENANT } from '../base/share.ts'
import { engineVersion } from '../base/version.ts'
import type { AdmissionSettings } from '../config/groups.ts'
import { type EngineLoss, Generator } from '../generation/generator.ts'
import type { TenantLimits } from '../http/access/tenant-limits.ts'
import { poolThreads } from '../machine/pool-threads.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { fingerprint } from '../models/fingerprint.ts'
import { openLoraAdapterIn } from '../models/lora-adapter.ts'
import type { KvEvents } from '../observability/kv-events/kv-events.ts'
import { childEntry } from '../process/child-process.ts'
import type { CrashWatch } from '../process/crash-watch.ts'
import { SupervisedChild } from '../process/supervised-child.ts'
import type {
  EngineCommand,
  EngineInit,
  EngineMessage,
  EngineReady,
  StepMessage,
} from '../protocol/engine-messages.ts'
import type { OperatorTemplate } from '../protocol/text-messages.ts'
import { ModelText } from '../text-service/model-text.ts'
import { TextClient } from '../text-service/text-client.ts'
import { EngineMetrics } from './engine-metrics.ts'
import { type ModelState, whyNotReady } from './model-state.ts'
import type { ModelPlan } from './plan-model.ts'

export interface GeneratingModelOptions {
  readonly admission: AdmissionSettings
  readonly chatTemplate: OperatorTemplate
  /** The folder from which clients may load adapters; undefined: adapters do not change. */
  readonly loraDir: string | undefined
  readonly tenants: TenantLimits
  /** Whether something depends on how good an estimate of tokens is; keys with token limits may come later. */
  readonly countsTokens: () => boolean
  readonly metrics: Metrics
  readonly crashes: CrashWatch
  /** Whether the server shuts down. */
  readonly draining: () => boolean
  /** Publisher of what the slots hold, for routers; undefined: nothing is published. */
  readonly kvEvents: KvEvents | undefined
  readonly log: FastifyBaseLogger
}

/** The processes of a model, once they are started, and its files. */
interface Started {
  readonly phase: 'started'
  readonly engine: SupervisedChild<EngineInit, EngineCommand, EngineReady, EngineMessage>
  readonly text: TextClient
  /** Files of the model. */
  readonly shards: readonly string[]
  readonly file: ModelFile
  readonly fingerprint: string
}

/** Stage that the start of the model has reached. The state of its processes is theirs to report. */
type Stage =
  | { readonly phase: 'loading'; readonly why: () => string }
  | Started
  | { readonly phase: 'refused'; readonly why: string }
  | { readonly phase: 'absent' }

/** How long the first look at the chat template may take on a machine that is busy. */
const TEMPLATE_PATIENCE_MS = 120_000
/** How long a request waits for a process that is being restarted. */
const RESTART_PATIENCE_MS = 15_000

/** The model that generates: its engine and text processes, the generations that run on it, and its adapters. */
export class GeneratingModel {
  readonly generator: Generator
  readonly text = new ModelText(
    () => this.#started?.text,
    () => this.engineReady?.limits.contextSize,
  )
  readonly #options: GeneratingModelOptions
  readonly #adapters: Adapters
  readonly #loader = new AdapterLoader((command) => this.#send(command))
  #stage: Stage = { phase: 'loading', why: () => 'the model is loading' }
  readonly #engineMetrics: EngineMetrics
  #templateTried = false

  constructor(options: GeneratingModelOptions) {
    this.#options = options
    const { metrics, tenants, admission } = options
    this.#engineMetrics = new EngineMetrics(metrics, () => this.engineReady?.kvCells)
    // Includes generations that the engine does not know of.
    metrics.waiting.readBy(() => Math.max(0, this.generator.inFlight - this.#engineMetrics.running))
    metrics.loraRequests.readBy(() => ({ value: Date.now() / 1000, labels: this.#adaptersInUse() }))
    this.generator = new Generator({
      ...admission,
      engineReady: () => this.engineReady,
      send: (command) => this.#send(command),
      vocabulary: () => this.#started?.text.child.ready?.vocabulary,
      onTokens: (tenant, count) => tenants.spend(tenant, count),
      metrics,
      onOver: () => {
        this.#adapters.onOver()
        if (this.generator.inFlight === 0) this.#checkInvariants()
      },
    })
    this.#adapters = new Adapters({
      load: (adapter) => this.#loader.load(adapter),
      unload: (id) => this.#send({ type: 'unload', id }),
      onChange: () => options.kvEvents?.onAdapters(this.#adapters.namesById()),
      inUse: (id) => {
        const { running, waiting } = this.generator.adapters()
        return running.has(id) || waiting.has(id)
      },
    })
  }

  get state(): ModelState {
    const stage = this.#stage
    if (stage.phase === 'absent') return stage
    if (this.#options.draining()) return { phase: 'draining' }
    if (stage.phase === 'loading') return { phase: 'loading', why: stage.why() }
    if (stage.phase === 'refused') return stage
    const [engine, text] = [stage.engine, stage.text.child]
    if (engine.ready !== undefined && text.ready !== undefined)
      return { phase: 'ready', engine: engine.ready, text: text.ready }
    const missing = engine.ready === undefined ? engine : text
    const why = missing.lastFailure ?? 'the model is loading'
    return { phase: engine.wasReady && text.wasReady ? 'restarting' : 'loading', why }
  }

  get #started(): Started | undefined {
    return this.#stage.phase === 'started' ? this.#stage : undefined
  }

  /** Report of the engine process when it became ready; undefined while there is none. */
  get engineReady(): EngineReady | undefined {
    return this.#started?.engine.ready
  }

  get trainedContext(): number | undefined {
    return this.#started?.text.child.ready?.model.trainedContext
  }

  /** Notes that the model's file is not there yet, for this reason. */
  loading(why: () => string): void {
    this.#stage = { phase: 'loading', why }
  }

  refuse(why: string): void {
    this.#stage = { phase: 'refused', why }
  }

  /** Notes that the server's one model generates nothing. */
  absent(): void {
    this.#stage = { phase: 'absent' }
  }

  /** Starts both processes on a model whose file has been checked, with adapters that have been, too; not in a server that shuts down. */
  start({ engine: init, shards, file, adapters, memory }: ModelPlan): void {
    if (this.#options.draining()) return
    for (const adapter of adapters) this.#adapters.set(adapter)
    const engine = this.#engineOf(init, memory)
    const { log, metrics, crashes, chatTemplate } = this.#options
    const text: TextClient = new TextClient({
      entry: childEntry('text'),
      init: { modelPath: init.modelPath, chatTemplate },
      log,
      metrics,
      onReady: () => this.#onTextReady(text),
      onCrash: (loss) => crashes.onCrash(loss),
    })
    this.#stage = { phase: 'started', engine, text, shards, file, fingerprint: fingerprintOf(init, shards) }
    text.start()
    engine.start()
  }

  #onTextReady(text: TextClient): void {
    this.openEstimator()
    if (this.#templateTried) return
    this.#templateTried = true
    void this.#tryTemplate(text)
  }

  /** Reports a chat template that renders nothing: the operator can give another. */
  async #tryTemplate(text: TextClient): Promise<void> {
    const chat = {
      type: 'chat',
      messages: [{ role: 'user', content: 'Hello' }],
      tools: [],
      kwargs: {},
    } as const
    const signal = AbortSignal.timeout(TEMPLATE_PATIENCE_MS)
    const answer = await text.call(chat, { share: DEFAULT_TENANT, signal, most: 0 }).catch(() => undefined)
    if (answer?.type !== 'error' || !['template_unusable', 'costly'].includes(answer.code)) return
    this.#options.log.warn({ reason: answer.message }, 'chats fail: the chat template cannot be rendered')
  }

  #engineOf(init: ModelPlan['engine'], memory: string): Started['engine'] {
    const { log, metrics, crashes, kvEvents } = this.#options
    return new SupervisedChild({
      name: 'engine',
      entry: childEntry('engine'),
      init: () => ({ ...init, adapters: this.#adapters.all() }),
      env: poolThreads(init.gpuLayers),
      memory,
      log,
      metrics,
      onReady: (ready) => {
        log.info({ ...ready.limits, threads: init.threads }, 'engine ready')
        this.generator.onEngineReady()
      },
      onMessage: (message) => {
        if (message.type === 'step') this.#onStep(message)
        else this.#loader.onMessage(message)
      },
      onDown: (loss) => {
        this.#engineMetrics.onDown()
        kvEvents?.onEngineDown()
        this.#loader.onEngineDown()
        // An engine that never came up has met no request: they go on waiting.
        if (loss.served) this.#onEngineLost(this.generator.onEngineDown(loss.killed))
        crashes.onCrash(loss)
      },
    })
  }

  /** Waits for a process that is being restarted. @throws ServingError model_loading, wrong_model_kind. */
  async whenReady(): Promise<ReadyModel> {
    const { state } = this
    if (state.phase === 'absent') {
      throw new ServingError('wrong_model_kind', 'The model of this server generates no text.', {
        param: 'model',
      })
    }
    const started = this.#started
    // At first start a client is asked to come back; after a crash the short wait is worth it.
    if (!started?.engine.wasReady || !started.text.child.wasReady)
      throw modelLoading(whyNotReady(state) ?? 'the model is loading')
    try {
      const [engine, text] = await Promise.all([
        started.engine.whenReady(RESTART_PATIENCE_MS),
        started.text.child.whenReady(RESTART_PATIENCE_MS),
      ])
      const { model: info, vocabulary } = text
      const { file, fingerprint } = started
      return { info, vocabulary, contextSize: engine.limits.contextSize, file, fingerprint }
    } catch (cause) {
      throw new ServingError('model_loading', 'The model is not ready', { retryAfterMs: 2000, cause })
    }
  }

  /** The estimator is loaded only where something depends on how good an estimate is. */
  openEstimator(): void {
    const { countsTokens, log } = this.#options
    if (!countsTokens()) return
    this.text
      .openEstimator()
      .catch((error: Error) => log.warn({ reason: error.message }, 'prompts are estimated by their length'))
  }

  servedAdapters(): ServedAdapters {
    const adapters = this.#adapters
    return {
      get names() {
        return adapters.names
      },
      changeable: this.#options.loraDir !== undefined,
      find: (name) => adapters.find(name),
      load: (name, path) => this.#loadAdapter(name, path),
      unload: (name) => adapters.unload(name),
    }
  }

  /** Labels of vLLM's lora_requests_info. */
  #adaptersInUse() {
    const { running, waiting } = this.generator.adapters()
    const namesOf = (ids: ReadonlySet<string>): string =>
      this.#adapters.names.filter((name) => ids.has(this.#adapters.find(name)?.id ?? '')).join(',')
    return {
      max_lora: String(this.#adapters.names.length),
      running_lora_adapters: namesOf(running),
      waiting_lora_adapters: namesOf(waiting),
    }
  }

  /** Ends both processes. @param graceMs the engine may have prefixes to write down, for which it has this time. */
  async stop(graceMs: number): Promise<void> {
    await Promise.all([
      this.#started?.engine.stop(graceMs),
      this.#started?.text.stop(1000),
      this.text.close(),
    ])
  }

  #send(command: EngineCommand): boolean {
    return this.#started?.engine.send(command) ?? false
  }

  async #loadAdapter(name: string, path: string): Promise<void> {
    const { loraDir = '', log } = this.#options
    await this.whenReady()
    try {
      const shards = this.#started?.shards ?? []
      await this.#adapters.load({ name, ...(await openLoraAdapterIn(loraDir, path, shards)) })
      log.info({ adapter: name }, 'adapter loaded')
    } catch (error) {
      if (error instanceof ServingError) throw error
      throw new ServingError('invalid_value', `Invalid 'lora_path': ${(error as Error).message}`, {
        param: 'lora_path',
        cause: error,
      })
    }
  }

  #onStep(step: StepMessage): void {
    this.#engineMetrics.onStep(step)
    this.generator.onStep(step)
    if (step.slots !== undefined) this.#options.kvEvents?.onSlots(step.slots)
  }

  #onEngineLost(loss: EngineLoss): void {
    this.#options.log.warn(loss, 'requests lost their engine')
  }

  /** Reports a broken invariant, and goes on: here it costs room at most, where an engine would have to end. */
  #checkInvariants(): void {
    try {
      this.generator.checkInvariants()
    } catch (error) {
      this.#options.metrics.contradictions.inc()
      this.#options.log.error({ err: error }, 'an invariant of the gateway is broken')
    }
  }
}

/** By the settings that answers depend on: how much goes into a pass changes the last digits, too. */
function fingerprintOf(init: ModelPlan['engine'], shards: readonly string[]): string {
  const { kvCacheType, flashAttention, contextSize, batchTokens, gpuLayers, gpuBackend } = init
  const settings = [kvCacheType, flashAttention, contextSize, batchTokens, gpuLayers, gpuBackend ?? null]
  return fingerprint(shards, [engineVersion, ...settings])
}
