import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { Serving } from '../api/serving.ts'
import { listenPlace } from '../base/listen.ts'
import type { AdmissionSettings, HttpSettings, RequestSettings } from '../config/groups.ts'
import type { Work } from '../generation/generator.ts'
import { Permit } from '../generation/permit.ts'
import { traceOf } from '../generation/request-trace.ts'
import { reserveTokens } from '../http/access/access.ts'
import type { ApiKeys } from '../http/access/api-keys.ts'
import type { TlsFiles } from '../http/access/certificate.ts'
import type { Origins } from '../http/access/cors.ts'
import { TenantLimits } from '../http/access/tenant-limits.ts'
import { AdmissionGate } from '../http/admission-gate.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { KvEvents } from '../observability/kv-events/kv-events.ts'
import type { Tracing } from '../observability/tracing/tracing.ts'
import { CrashWatch } from '../process/crash-watch.ts'
import type { EmbeddingInit } from '../protocol/embedding-messages.ts'
import type { OperatorTemplate } from '../protocol/text-messages.ts'
import { GeneratingModel } from './generating-model.ts'
import { whyNotReady } from './model-state.ts'
import { PooledModel } from './pooled-model.ts'
import { serverWithRoutes } from './routes.ts'

export interface AltiplanoOptions {
  readonly names: readonly string[]
  /** Names of the embedding model; undefined: there is none. */
  readonly embeddingNames: readonly string[] | undefined
  readonly http: HttpSettings
  readonly admission: AdmissionSettings
  readonly requests: RequestSettings
  /** The keys that are let in now; undefined lets everyone in. */
  readonly apiKeys: () => ApiKeys | undefined
  /** Whether it answers only requests for hosts that nobody else can own. */
  readonly ownHostsOnly: boolean
  /** Origins of web pages that may read answers. */
  readonly allowedOrigins: Origins
  /** Certificate of the server; undefined: plain HTTP. */
  readonly tls: TlsFiles | undefined
  readonly chatTemplate: OperatorTemplate
  /** The folder from which clients may load adapters; undefined: adapters do not change. */
  readonly loraDir: string | undefined
  readonly log: FastifyBaseLogger
  readonly metrics: Metrics
  /** Exporter of traces; undefined: nothing is traced. */
  readonly tracing: Tracing | undefined
  /** Publisher of what the slots hold, for routers; undefined: nothing is published. */
  readonly kvEvents: KvEvents | undefined
}

/** Connections that wait to be accepted; Linux takes no more than net.core.somaxconn. With Node's 511, a burst of thousands loses some. */
const MAX_UNACCEPTED = 65_535

/** The whole server: an HTTP server, the model that generates, and the one that makes embeddings, put together in one place. */
export class Altiplano {
  readonly names: readonly string[]
  readonly model: GeneratingModel
  readonly #pooled: PooledModel
  readonly #options: AltiplanoOptions
  readonly #admissionGate = new AdmissionGate()
  readonly #tenants = new TenantLimits()
  readonly #crashes = new CrashWatch()
  #app: FastifyInstance | undefined

  constructor(options: AltiplanoOptions) {
    this.#options = options
    this.names = options.names
    const { admission, apiKeys, chatTemplate, kvEvents, loraDir, log, metrics } = options
    metrics.ready.readBy(() => (this.notReady() === undefined ? 1 : 0))
    this.model = new GeneratingModel({
      admission,
      chatTemplate,
      loraDir,
      tenants: this.#tenants,
      countsTokens: () =>
        admission.maxQueuedTokens !== Number.POSITIVE_INFINITY || apiKeys()?.limitTokens === true,
      metrics,
      crashes: this.#crashes,
      draining: () => this.#admissionGate.draining,
      kvEvents,
      log,
    })
    this.#pooled = new PooledModel(options.embeddingNames)
  }

  /** Listens at once, and is ready when the model is. Resolves to the address. */
  async listen(host: string, port: number): Promise<string> {
    this.#app = await serverWithRoutes({
      ...this.#options,
      serving: this.#serving(),
      admissionGate: this.#admissionGate,
      health: { notReady: () => this.notReady() },
      tenantLimits: this.#tenants,
    })
    return this.#app.listen({ ...listenPlace(host, port), backlog: MAX_UNACCEPTED })
  }

  /** Starts the embedding process on a model whose file has been checked. @param only whether it is the server's one model. */
  startEmbeddingModel(init: EmbeddingInit, only = false): void {
    if (this.#admissionGate.draining) return
    if (only) this.model.absent()
    const { log, metrics } = this.#options
    this.#pooled.start(
      { init, log, metrics, onCrash: (loss) => this.#crashes.onCrash(loss) },
      only ? this.names : undefined,
    )
  }

  /** Serves no embeddings, for this reason: the server stays up, and reports why it is not ready. */
  refuseEmbeddingModel(reason: string): void {
    this.#pooled.refuse(reason)
  }

  /** Ends the server: nothing that it could do by itself would help. */
  giveUp(reason: string): void {
    this.#crashes.giveUp(reason)
  }

  /** Resolves, to the reason, when the server can only end. */
  get hopeless(): Promise<string> {
    return this.#crashes.hopeless
  }

  notReady(): string | undefined {
    if (this.#admissionGate.draining) return 'shutting down'
    return whyNotReady(this.model.state) ?? this.#pooled.notReady()
  }

  /** Shuts down: is not ready from now on, takes work for `delayMs`, lets what runs end within `graceMs`, then closes all. */
  async drain(graceMs: number, delayMs = 0): Promise<void> {
    this.#admissionGate.drain()
    await pause(delayMs)
    this.#admissionGate.close()
    const patience = performance.now() + graceMs
    await this.#admissionGate.idle(graceMs)
    this.model.generator.failAll('shutting_down', 'The server is shutting down')
    // The answers that say so have to leave.
    await this.#admissionGate.idle(1000)
    await this.#closeServer()
    // What requests have left of the time.
    const leftMs = Math.max(5000, patience - performance.now())
    await Promise.all([this.model.stop(leftMs), this.#pooled.stop()])
  }

  /** Closes idle keep-alive sockets until fastify has closed: it waits for clients that will not close theirs. */
  async #closeServer(): Promise<void> {
    const app = this.#app
    if (app === undefined) return
    const sweep = setInterval(() => app.server.closeIdleConnections(), 100)
    const cut = setTimeout(() => app.server.closeAllConnections(), 2000)
    await app.close()
    clearInterval(sweep)
    clearTimeout(cut)
  }

  #serving(): Serving {
    const { model, names } = this
    const { text, generator } = model
    const pooled = this.#pooled
    return {
      // What kind of model there is, is known when its file has been read.
      get names() {
        return model.state.phase === 'absent' ? [] : names
      },
      adapters: model.servedAdapters(),
      get embedding() {
        return pooled.serving()
      },
      created: Math.floor(Date.now() / 1000),
      ...this.#options.requests,
      sizes: () => ({
        contextSize: model.engineReady?.limits.contextSize,
        trainedContext: model.trainedContext,
      }),
      model: () => model.whenReady(),
      prompt: (call, turn) => text.prompt(call, turn),
      prepare: (wanted, param, turn) => text.prepare(wanted, param, turn),
      estimateTokens: (texts) => {
        model.openEstimator()
        return text.estimateTokens(texts)
      },
      admit: (work) => this.#admit(work),
      start: (requests, permit, signal) => generator.start(requests, permit, traceOf(signal)),
      slots: () => model.engineReady?.limits.slots ?? 0,
      running: () => generator.running(),
      reserve: (tenant, tokens) => reserveTokens(this.#tenants, tenant, tokens),
      spend: (tenant, tokens) => this.#tenants.spend(tenant, tokens),
      ignored: (ignored) => this.#options.metrics.ignoredParameters.inc(ignored.length),
    }
  }

  /** Takes room for a request, and reserves tokens of its tenant until its generations start and the real count is spent. */
  #admit(work: Work): Permit {
    const release = reserveTokens(this.#tenants, work.tenant, work.promptTokens)
    try {
      const room = this.model.generator.admit(work)
      return new Permit(() => {
        room[Symbol.dispose]()
        release()
      })
    } catch (error) {
      release()
      throw error
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
