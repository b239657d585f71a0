import type { FastifyInstance, FastifyReply } from 'fastify'
import { version } from '../../base/version.ts'
import type { Tenant } from '../../http/access/api-keys.ts'
import type { Health } from '../../http/health.ts'
import { readDeclared } from '../contract/field.ts'
import { Fields } from '../contract/fields.ts'
import { flag } from '../contract/kinds.ts'
import { allowedModels, modelNotFound } from '../model-names.ts'
import type { Serving } from '../serving.ts'
import type { InferHandler } from './infer.ts'

/** Open Inference Protocol: metadata, health and inference of the models. Inference takes OpenAI's bodies instead of tensors. */
export function openInference(
  app: FastifyInstance,
  serving: Serving,
  health: Health,
  infer: InferHandler,
): void {
  app.get('/v2', async () => ({ name: 'altiplano', version, extensions: [] }))
  app.get('/v2/health/live', async () => ({ live: true }))
  app.get('/v2/health/ready', (_request, reply) => sendReady(reply, health, {}))
  app.get('/v2/models', async ({ tenant }) => ({ models: allowedModels(serving.names, tenant) }))
  app.get<Wildcard>('/v2/models/*', (request, reply) => {
    const rest = request.params['*']
    if (serving.names.includes(rest)) return reply.send(describe(rest))
    const name = withoutEnd(rest, '/ready')
    if (name === undefined || !serving.names.includes(name)) throw modelNotFound(name ?? rest)
    return sendReady(reply, health, { name })
  })
  app.post<Wildcard>('/v2/models/*', { sse: 'manual', config: { ending: '/infer' } }, (request, reply) =>
    infer(request.params['*'], '/infer', request, reply),
  )
  repositoryIndex(app, serving, health)
}

interface Wildcard {
  Params: { '*': string }
}

export const indexBody = { ready: flag }

/** Triton: index of the models, by GET or by POST. With `ready` it leaves out models that are not ready. */
function repositoryIndex(app: FastifyInstance, serving: Serving, health: Health): void {
  const index = (tenant: Tenant | undefined, readyOnly: boolean): object[] => {
    const reason = health.notReady()
    const state = { state: reason === undefined ? 'READY' : 'UNAVAILABLE', reason: reason ?? '' }
    if (readyOnly && reason !== undefined) return []
    return allowedModels(serving.names, tenant).map((name) => ({ name, version: '', ...state }))
  }
  app.get('/v2/repository/index', async ({ tenant }) => index(tenant, false))
  app.post('/v2/repository/index', async (request) =>
    index(request.tenant, readDeclared(Fields.ofBody(request), indexBody).ready ?? false),
  )
}

function describe(name: string): object {
  return { name, versions: [], platform: 'altiplano_llamacpp', inputs: [], outputs: [] }
}

/** Sends whether the server is ready: its status for probes, its reason for people. */
function sendReady(reply: FastifyReply, health: Health, named: { readonly name?: string }): FastifyReply {
  const reason = health.notReady()
  if (reason === undefined) return reply.send({ ...named, ready: true })
  return reply
    .code(503)
    .header('retry-after', '1')
    .send({ ...named, ready: false, reason })
}

/** Text before an ending; undefined where the text ends otherwise. */
function withoutEnd(text: string, end: string): string | undefined {
  return text.endsWith(end) ? text.slice(0, -end.length) : undefined
}
