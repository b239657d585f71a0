import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { AdapterLoader } from '../adapters/adapter-loader.ts'
import { Adapters, type NamedAdapter } from '../adapters/adapters.ts'
import type { ReadyModel, ServedAdapters, Serving } from '../api/serving.ts'
import { modelLoading, ServingError } from '../base/errors.ts'
import { type EngineLoss, Generator, type Work } from '../generation/generator.ts'
import { Permit } from '../generation/permit.ts'
import { traceOf } from '../generation/request-trace.ts'
import type { TimeLimits } from '../generation/time-limits.ts'
import { reserveTokens } from '../http/access/access.ts'
import type { ApiKeys } from '../http/access/api-keys.ts'
import type { TlsFiles } from '../http/access/certificate.ts'
import { TenantLimits } from '../http/access/tenant-limits.ts'
import { Door } from '../http/door.ts'
import type { ClientCertificates } from '../http/transport.ts'
import { poolThreads } from '../machine/pool-threads.ts'
import { openLoraAdapterIn } from '../models/lora-adapter.ts'
import type { KvEvents } from '../observability/kv-events/kv-events.ts'
import { Metrics } from '../observability/metrics/metrics.ts'
import type { Tracing } from '../observability/tracing/tracing.ts'
import { childEntry } from '../process/child-process.ts'
import { CrashWatch } from '../process/crash-watch.ts'
import { SupervisedChild } from '../process/supervised-child.ts'
import type { EmbeddingInit } from '../protocol/embedding-messages.ts'
import type {
  EngineCommand,
  EngineInit,
  EngineMessage,
  EngineReady,
  StepMessage,
} from '../protocol/engine-messages.ts'
import { ModelText } from '../text-service/model-text.ts'
import { TextClient } from '../text-service/text-client.ts'
import { PooledModel } from './pooled-model.ts'
import { buildServer } from './server.ts'

export interface AltiplanoOptions {
  readonly names: readonly string[]
  /** Of the embedding model; undefined: there is none. */
  readonly embeddingNames?: readonly string[] | undefined
  readonly maxQueue: number
  readonly maxQueuedTokens: number
  /** Of request bodies that are held at once. */
  readonly maxQueuedBytes: number
  readonly maxN: number
  readonly maxBodyBytes: number
  readonly timeLimits: TimeLimits
  /** In which a request has to arrive. */
  readonly receiveMs: number
  /** For which a reader of a stream may leave its socket full. */
  readonly stallMs: number
  /** The keys that are let in now; absent or undefined lets everyone in. */
  readonly apiKeys?: () => ApiKeys | undefined
  /** Whether it is asked by addresses and names only that nobody else can own. */
  readonly ownHostsOnly: boolean
  /** Absent: plain HTTP. */
  readonly tls?: TlsFiles | undefined
  readonly clientCertificates: ClientCertificates
  readonly keepAliveMs: number
  /** After which an answer in one piece begins with spaces; 0: never. */
  readonly paddingAfterMs: number
  readonly strictParams: boolean
  readonly controlTokenIds: boolean
  readonly promptLookup: boolean
  /** Where adapters may be loaded from while the server runs; absent: they do not change. */
  readonly loraDir?: string | undefined
  readonly log: FastifyBaseLogger
  /** Absent: nothing is traced. */
  readonly tracing?: Tracing | undefined
  /** Absent: nobody is told what the slots hold. */
  readonly kvEvents?: KvEvents | undefined
}

/** Connections that wait to be accepted; Linux takes no more than net.core.somaxconn. With Node's 511, a burst of thousands loses some. */
const MOST_UNACCEPTED = 65_535
/** How long a request waits for a child that is being restarted. */
const RESTART_PATIENCE_MS = 15_000

/** The whole server: the gateway and its two children, put together in one place. */
export class Altiplano {
  readonly names: readonly string[]
  readonly #options: AltiplanoOptions
  readonly #metrics: Metrics
  readonly #generator: Generator
  readonly #loader = new AdapterLoader((command) => this.#engine?.send(command) ?? false)
  readonly #adapters: Adapters
  #engine: SupervisedChild<EngineInit, EngineCommand, EngineReady, EngineMessage> | undefined
  #text: TextClient | undefined
  readonly #pooled: PooledModel
  readonly #modelText = new ModelText(
    () => this.#text,
    () => this.#engine?.ready?.limits.contextSize,
  )
  /** The model's files. */
  #shards: readonly string[] = []
  #app: FastifyInstance | undefined
  #stats: StepMessage['stats'] | undefined
  /** Why the model cannot be served at all, found before any child was started. */
  #unservable: (() => string) | undefined
  /** Whether the one model is the pooled one, and none generates text. */
  #pooledOnly = false
  readonly #door = new Door()
  readonly #tenantLimits = new TenantLimits()
  readonly #crashes = new CrashWatch()

  constructor(options: AltiplanoOptions) {
    this.#options = options
    this.names = options.names
    this.#pooled = new PooledModel(options.embeddingNames)
    this.#metrics = new Metrics({
      modelName: options.names[0] ?? 'model',
      stats: () => this.#stats,
      waiting: () => Math.max(0, this.#generator.inFlight - (this.#stats?.running ?? 0)),
      kvCells: () => this.#engine?.ready?.kvCells,
      ready: () => this.notReady() === undefined,
      adapters: () => this.#adaptersInUse(),
      kvEvents: () => options.kvEvents ?? { published: 0, dropped: 0 },
      spansDropped: () => options.tracing?.dropped ?? 0,
      restarts: () => ({ engine: this.#engine?.restarts ?? 0, text: this.#text?.restarts ?? 0 }),
    })
    this.#generator = new Generator({
      engineReady: () => this.#engine?.ready,
      send: (command) => this.#engine?.send(command) ?? false,
      maxQueue: options.maxQueue,
      maxQueuedTokens: options.maxQueuedTokens,
      timeLimits: options.timeLimits,
      vocabulary: () => this.#text?.child.ready?.vocabulary,
      onTokens: (tenant, count) => this.#tenantLimits.spend(tenant, count),
      onAdmitted: () => this.#metrics.onAdmitted(),
      onGap: (gapMs) => this.#metrics.onGap(gapMs),
      onPreempted: () => this.#metrics.onPreempted(),
      onOver: (record) => {
        this.#metrics.onGenerationOver(record)
        this.#adapters.onOver()
        if (this.#generator.inFlight === 0) this.#checkInvariants()
      },
    })
    this.#adapters = new Adapters({
      load: (adapter) => this.#loader.load(adapter),
      unload: (id) => this.#engine?.send({ type: 'unload', id }),
      onChange: () => this.#options.kvEvents?.onAdapters(this.#adapters.namesById()),
      inUse: (id) => {
        const { running, waiting } = this.#generator.adapters()
        return running.has(id) || waiting.has(id)
      },
    })
  }

  /** Listens at once, and is ready when the model is. Resolves to the address. */
  async listen(host: string, port: number): Promise<string> {
    const {
      log,
      apiKeys,
      tls,
      maxBodyBytes,
      maxQueuedBytes,
      keepAliveMs,
      paddingAfterMs,
      receiveMs,
      stallMs,
    } = this.#options
    this.#app = await buildServer({
      serving: this.#serving(),
      door: this.#door,
      health: { notReady: () => this.notReady() },
      metrics: this.#metrics,
      tracing: this.#options.tracing,
      log,
      apiKeys: apiKeys ?? (() => undefined),
      tenantLimits: this.#tenantLimits,
      ownHostsOnly: this.#options.ownHostsOnly,
      tls,
      clientCertificates: this.#options.clientCertificates,
      maxBodyBytes,
      maxQueuedBytes,
      keepAliveMs,
      paddingAfterMs,
      receiveMs,
      stallMs,
    })
    return this.#app.listen({ host, port, backlog: MOST_UNACCEPTED })
  }

  /**
   * Starts the children on a model whose file has been checked, with adapters that have been, too.
   * @param memory what the engine is planned to take, and what there is, in words.
   */
  startModel(
    init: Omit<EngineInit, 'adapters'>,
    shards: readonly string[],
    adapters: readonly NamedAdapter[],
    memory: string,
  ): void {
    if (this.#door.leaving) return
    const { log } = this.#options
    this.#unservable = undefined
    this.#shards = shards
    for (const adapter of adapters) this.#adapters.set(adapter)
    this.#engine = new SupervisedChild({
      name: 'engine',
      entry: childEntry('engine'),
      init: () => ({ ...init, adapters: this.#adapters.all() }),
      env: poolThreads(init.gpuLayers),
      memory,
      log,
      onReady: (ready) => {
        log.info({ ...ready.limits, threads: init.threads }, 'engine ready')
        this.#generator.onEngineReady()
      },
      onMessage: (message) => {
        if (message.type === 'step') this.#onStep(message)
        else this.#loader.onMessage(message)
      },
      onDown: (loss) => {
        this.#stats = undefined
        this.#options.kvEvents?.onEngineDown()
        this.#loader.onEngineDown()
        // One that never came up has met no request: they go on waiting.
        if (loss.served) this.#onEngineLost(this.#generator.onEngineDown(loss.killed))
        this.#crashes.onCrash(loss)
      },
    })
    this.#text = new TextClient({
      entry: childEntry('text'),
      init: { modelPath: init.modelPath },
      log,
      onReady: () => this.#openEstimator(),
      onCrash: (loss) => this.#crashes.onCrash(loss),
    })
    this.#text.start()
    this.#engine.start()
  }

  /** Starts the embedding process on a model whose file has been checked. @param only whether it is the server's one model. */
  startEmbeddingModel(init: EmbeddingInit, only = false): void {
    if (this.#door.leaving) return
    if (only) {
      this.#pooledOnly = true
      this.#unservable = undefined
    }
    const { log } = this.#options
    this.#pooled.start(
      { init, log, onCrash: (loss) => this.#crashes.onCrash(loss) },
      only ? this.names : undefined,
    )
  }

  /** Ends the server: nothing that it could do by itself would help. */
  giveUp(reason: string): void {
    this.#crashes.giveUp(reason)
  }

  /** Resolves, to the reason, when the server can only end. */
  get hopeless(): Promise<string> {
    return this.#crashes.hopeless
  }

  /** What is wrong here costs room at most: that is no reason to end, as it is for an engine. */
  #checkInvariants(): void {
    try {
      this.#generator.checkInvariants()
    } catch (error) {
      this.#metrics.onContradiction()
      this.#options.log.error({ err: error }, 'the books of the gateway are wrong')
    }
  }

  #onEngineLost(loss: EngineLoss): void {
    this.#metrics.onEngineLost(loss)
    this.#options.log.warn(loss, 'requests lost their engine')
  }

  /** The server stays up, says why it is not ready, and serves nothing. */
  refuseModel(reason: () => string): void {
    this.#unservable = reason
  }

  /** The same for the embedding model. */
  refuseEmbeddingModel(reason: string): void {
    this.#pooled.refuse(reason)
  }

  notReady(): string | undefined {
    if (this.#door.leaving) return 'shutting down'
    if (this.#unservable !== undefined) return this.#unservable()
    for (const child of this.#pooledOnly ? [] : [this.#engine, this.#text?.child]) {
      if (child?.state !== 'ready') return child?.lastFailure ?? 'the model is loading'
    }
    return this.#pooled.notReady()
  }

  /** Not ready from now on; still takes work for `delayMs`, lets what runs end within `graceMs`, then closes everything. */
  async drain(graceMs: number, delayMs = 0): Promise<void> {
    this.#door.leave()
    await pause(delayMs)
    this.#door.close()
    const patience = performance.now() + graceMs
    await this.#door.empty(graceMs)
    this.#generator.failAll('shutting_down', 'The server is shutting down')
    // The answers that say so have to leave.
    await this.#door.empty(1000)
    await this.#closeServer()
    // The engine may have prefixes to write down, for which there is what requests have left of the time.
    const leftMs = Math.max(5000, patience - performance.now())
    await Promise.all([
      this.#engine?.stop(leftMs),
      this.#text?.stop(1000),
      this.#pooled.stop(),
      this.#modelText.close(),
    ])
  }

  /** fastify waits for idle keep-alive sockets of clients that will not close them; sweep until it is through. */
  async #closeServer(): Promise<void> {
    const app = this.#app
    if (app === undefined) return
    const sweep = setInterval(() => app.server.closeIdleConnections(), 100)
    const cut = setTimeout(() => app.server.closeAllConnections(), 2000)
    await app.close()
    clearInterval(sweep)
    clearTimeout(cut)
  }

  #onStep(step: StepMessage): void {
    this.#stats = step.stats
    this.#metrics.onStep(step)
    this.#generator.onStep(step)
    if (step.slots !== undefined) this.#options.kvEvents?.onSlots(step.slots)
  }

  #serving(): Serving {
    const generatingNames = (): readonly string[] => (this.#pooledOnly ? [] : this.names)
    const pooled = this.#pooled
    const { strictParams, controlTokenIds, promptLookup, maxN } = this.#options
    return {
      // What kind of model there is, is known when its file has been read.
      get names() {
        return generatingNames()
      },
      adapters: this.#servedAdapters(),
      get embedding() {
        return pooled.serving()
      },
      created: Math.floor(Date.now() / 1000),
      strictParams,
      controlTokenIds,
      promptLookup,
      maxN,
      sizes: () => ({
        contextSize: this.#engine?.ready?.limits.contextSize,
        trainedContext: this.#text?.child.ready?.model.trainedContext,
      }),
      model: () => this.#readyModel(),
      chatTokens: async (messages, tools, kwargs, turn) =>
        this.#modelText.prompt({ type: 'chat', messages, tools, kwargs }, turn),
      tokens: async (text, turn, begin = true) =>
        this.#modelText.prompt({ type: 'tokenize', text, bare: !begin }, turn),
      markupTokens: async (text, turn) => this.#modelText.prompt({ type: 'markup', text }, turn),
      infillTokens: async (prefix, suffix, turn) =>
        this.#modelText.prompt({ type: 'infill', prefix, suffix }, turn),
      grammar: (constraint, param, turn) => this.#modelText.grammar(constraint, param, turn),
      estimateTokens: (texts) => this.#estimateTokens(texts),
      admit: (work) => this.#admit(work),
      start: (requests, permit, signal) => this.#generator.start(requests, permit, traceOf(signal)),
      slots: () => this.#engine?.ready?.limits.slots ?? 0,
      running: () => this.#generator.running(),
      reserve: (tenant, tokens) => reserveTokens(this.#tenantLimits, tenant, tokens),
      spend: (tenant, tokens) => this.#tenantLimits.spend(tenant, tokens),
      ignored: (ignored) => this.#metrics.onIgnored(ignored.length),
    }
  }

  /** Loaded only where something depends on how good an estimate is; keys may come to limit tokens while the server runs. */
  #openEstimator(): void {
    const { maxQueuedTokens, apiKeys, log } = this.#options
    if (maxQueuedTokens === Number.POSITIVE_INFINITY && !apiKeys?.()?.limitTokens) return
    this.#modelText
      .openEstimator()
      .catch((error: Error) => log.warn({ reason: error.message }, 'prompts are estimated by their length'))
  }

  #estimateTokens(texts: readonly string[]): Promise<number> {
    this.#openEstimator()
    return this.#modelText.estimateTokens(texts)
  }

  /** Tokens of the tenant are kept until its generations start: what they really are is spent then. */
  #admit(work: Work): Permit {
    const release = reserveTokens(this.#tenantLimits, work.tenant, work.promptTokens)
    try {
      const room = this.#generator.admit(work)
      return new Permit(() => {
        room[Symbol.dispose]()
        release()
      })
    } catch (error) {
      release()
      throw error
    }
  }

  #servedAdapters(): ServedAdapters {
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

  async #loadAdapter(name: string, path: string): Promise<void> {
    const { loraDir = '', log } = this.#options
    await this.#readyModel()
    try {
      await this.#adapters.load({ name, ...(await openLoraAdapterIn(loraDir, path, this.#shards)) })
      log.info({ adapter: name }, 'adapter loaded')
    } catch (error) {
      if (error instanceof ServingError) throw error
      throw new ServingError('invalid_value', `Invalid 'lora_path': ${(error as Error).message}`, {
        param: 'lora_path',
        cause: error,
      })
    }
  }

  #adaptersInUse(): { running: string[]; waiting: string[]; known: number } {
    const { running, waiting } = this.#generator.adapters()
    const namesOf = (ids: ReadonlySet<string>): string[] =>
      this.#adapters.names.filter((name) => ids.has(this.#adapters.find(name)?.id ?? ''))
    return { running: namesOf(running), waiting: namesOf(waiting), known: this.#adapters.names.length }
  }

  async #readyModel(): Promise<ReadyModel> {
    if (this.#pooledOnly)
      throw new ServingError('wrong_model_kind', 'The model of this server generates no text.', {
        param: 'model',
      })
    if (this.#unservable !== undefined) throw modelLoading(this.#unservable())
    // At first start a client is told to come back; after a crash it is worth the short wait.
    const engineChild = this.#engine
    const textChild = this.#text?.child
    if (engineChild?.wasReady !== true || textChild?.wasReady !== true) {
      throw modelLoading(this.notReady() ?? 'the model is loading')
    }
    try {
      const [engine, text] = await Promise.all([
        engineChild.whenReady(RESTART_PATIENCE_MS),
        textChild.whenReady(RESTART_PATIENCE_MS),
      ])
      return { info: text.model, vocabulary: text.vocabulary, contextSize: engine.limits.contextSize }
    } catch (cause) {
      throw new ServingError('model_loading', 'The model is not ready', { retryAfterMs: 2000, cause })
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
