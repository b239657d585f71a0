import { basename } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { ServingError } from '../../base/errors.ts'
import type { Tenant } from '../../http/access/api-keys.ts'
import type { Health } from '../../http/health.ts'
import { allowedModels, modelNotFound } from '../model-names.ts'
import type { Serving } from '../serving.ts'

/**
 * GET /models and /models/{id}. Ids may hold slashes, written raw or as %2F.
 * OpenAI's answers with KServe V1's in them: `models`; `name` and `ready`, whose status is that of a probe.
 */
export function models(app: FastifyInstance, serving: Serving, health: Health): void {
  app.get('/models', async ({ tenant }) => {
    const names = allowedModels(namesOf(serving), tenant)
    return { object: 'list', data: names.map((name) => describe(name, serving, tenant)), models: names }
  })
  app.get<{ Params: { '*': string } }>('/models/*', async (request, reply) => {
    const name = request.params['*']
    if (!namesOf(serving).includes(name)) throw modelNotFound(name)
    const reason = health.notReady()
    if (reason === undefined) return { ...describe(name, serving, request.tenant), name, ready: true }
    const error = new ServingError('model_loading', `The model is not ready: ${reason}`)
    return reply
      .code(503)
      .header('retry-after', '1')
      .send({ name, ready: false, ...error.body })
  })
}

/** Names of the generating model, of its adapters and of the embedding model. */
function namesOf({ names, adapters, embedding }: Serving): readonly string[] {
  return [...names, ...adapters.names, ...(embedding?.names ?? [])]
}

function describe(id: string, serving: Serving, tenant: Tenant | undefined): object {
  const { embedding } = serving
  const adapter = serving.adapters.find(id)
  const { contextSize, trainedContext } = embedding?.names.includes(id)
    ? { contextSize: embedding.contextSize(), trainedContext: undefined }
    : serving.sizes()
  return {
    id,
    object: 'model',
    created: serving.created,
    owned_by: 'altiplano',
    // vLLM: an adapter names the model that it changes.
    ...(adapter && {
      root: basename(adapter.path),
      parent: allowedModels(serving.names, tenant)[0] ?? null,
    }),
    // vLLM and llama-server: what user interfaces read to size a conversation.
    ...(contextSize === undefined ? {} : { max_model_len: contextSize }),
    ...(trainedContext === undefined ? {} : { meta: { n_ctx_train: trainedContext } }),
  }
}
