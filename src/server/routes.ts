import type { Server } from 'node:https'
import { fastifySSE } from '@fastify/sse'
import type { FastifyBaseLogger, FastifyInstance, FastifyPluginAsync } from 'fastify'
import { anthropicMessages } from '../api/anthropic/messages.ts'
import { inferHandler } from '../api/kserve/infer.ts'
import { openInference } from '../api/kserve/open-inference.ts'
import { predict } from '../api/kserve/predict.ts'
import { checkModels } from '../api/model-names.ts'
import { chatCompletions } from '../api/openai/chat-completions.ts'
import { completions } from '../api/openai/completions.ts'
import { embeddings } from '../api/openai/embeddings.ts'
import { models } from '../api/openai/models.ts'
import { rerank } from '../api/openai/rerank.ts'
import { responses } from '../api/responses/responses.ts'
import type { Serving } from '../api/serving.ts'
import { loraAdapters } from '../api/vllm/lora-adapters.ts'
import { render } from '../api/vllm/render.ts'
import { serverInfo } from '../api/vllm/server-info.ts'
import { tokenize } from '../api/vllm/tokenize.ts'
import type { ServingError } from '../base/errors.ts'
import type { HttpSettings } from '../config/groups.ts'
import { guard } from '../http/access/access.ts'
import type { ApiKeys } from '../http/access/api-keys.ts'
import type { TlsFiles } from '../http/access/certificate.ts'
import { letPagesRead, type Origins } from '../http/access/cors.ts'
import type { TenantLimits } from '../http/access/tenant-limits.ts'
import type { AdmissionGate } from '../http/admission-gate.ts'
import { apiDescription } from '../http/api-description.ts'
import { takeJsonOnly } from '../http/body/json-request.ts'
import { answerErrors, refuseWithoutRoute } from '../http/error-answers.ts'
import { type Health, healthRoutes } from '../http/health.ts'
import { httpServer } from '../http/http-server.ts'
import { refuseUnknown, transportOf } from '../http/transport.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Tracing } from '../observability/tracing/tracing.ts'

export interface ServerOptions {
  readonly serving: Serving
  readonly health: Health
  readonly admissionGate: AdmissionGate
  readonly metrics: Metrics
  readonly log: FastifyBaseLogger
  /** Exporter of traces; undefined: nothing is traced. */
  readonly tracing: Tracing | undefined
  /** The keys that are let in now; undefined lets everyone in. */
  readonly apiKeys: () => ApiKeys | undefined
  readonly tenantLimits: TenantLimits
  /** See httpServer. */
  readonly ownHostsOnly: boolean
  /** Origins of web pages that may read answers. */
  readonly allowedOrigins: Origins
  /** Certificate of the server; undefined: plain HTTP. */
  readonly tls: TlsFiles | undefined
  readonly http: HttpSettings
}

/** The HTTP server: /v1 and /openai/v1 are the same tree; health and metrics stand beside it. */
export async function serverWithRoutes(options: ServerOptions): Promise<FastifyInstance> {
  const { serving, metrics, http } = options
  const countError = (code: string): void => metrics.errors.inc({ code })
  const app = httpServer(
    {
      log: options.log,
      transport: transportOf({ tls: options.tls, ...http }),
      onError: countError,
      onAborted: (reason) => metrics.aborted.inc({ reason }),
      tracing: options.tracing,
      ownHostsOnly: options.ownHostsOnly,
    },
    {
      bodyLimit: http.maxBodyBytes,
      // Longer than the idle time of the load balancers in front (KServe, Istio: 60 s), or they meet closed connections.
      keepAliveTimeout: 75_000,
      requestTimeout: http.receiveMs,
    },
  )
  app.decorate('stallMs', http.stallMs)
  app.decorate('paddingAfterMs', http.paddingAfterMs)
  app.decorate('keepAliveMs', http.keepAliveMs)
  const onError = (error: ServingError): void => countError(error.code)
  answerErrors(app, onError)
  await letPagesRead(app, options.allowedOrigins)
  await app.register(fastifySSE, { heartbeatInterval: http.keepAliveMs })
  options.admissionGate.install(app)
  guard(app, options.apiKeys, options.tenantLimits)
  refuseWithoutRoute(app)
  app.addHook('preHandler', async (request) => checkModels(request))
  takeJsonOnly(app, http.maxBodyBytes, http.maxQueuedBytes)
  healthRoutes(app, options.health)
  apiDescription(app)
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()))
  const streams = { onError, keepAliveMs: http.keepAliveMs }
  const infer = inferHandler(serving, onError)
  openInference(app, serving, options.health, infer)
  serverInfo(app, serving)
  tokenize(app, serving)
  rerank(app, serving)
  const api: FastifyPluginAsync = async (tree) => {
    models(tree, serving, options.health)
    predict(tree, infer)
    chatCompletions(tree, serving, onError)
    completions(tree, serving, onError)
    responses(tree, serving, streams)
    await tree.register(async (messages) => anthropicMessages(messages, serving, streams), {
      prefix: '/messages',
    })
    embeddings(tree, serving)
    rerank(tree, serving)
    loraAdapters(tree, serving)
    render(tree, serving)
    tokenize(tree, serving)
  }
  for (const prefix of ['/v1', '/openai/v1']) await app.register(api, { prefix })
  if (http.clientCertificates === 'checked') refuseUnknown(app.server as Server)
  options.tls?.watch('certificate', options.log, (certificate) =>
    (app.server as Server).setSecureContext(certificate),
  )
  return app
}
