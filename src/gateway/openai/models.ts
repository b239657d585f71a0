import type { FastifyInstance } from 'fastify'
import type { Serving } from '../serving.ts'
import { modelNotFound } from './common-fields.ts'

/** GET /models and /models/{id}. Ids may hold slashes, written raw or as %2F. */
export function models(app: FastifyInstance, serving: Serving): void {
  app.get('/models', async () => ({
    object: 'list',
    data: serving.names.map((name) => describe(name, serving)),
  }))
  app.get<{ Params: { '*': string } }>('/models/*', async (request) => {
    const name = request.params['*']
    if (serving.names.includes(name)) return describe(name, serving)
    throw modelNotFound(name)
  })
}

function describe(id: string, serving: Serving): object {
  const { contextSize, trainedContext } = serving.sizes()
  return {
    id,
    object: 'model',
    created: serving.created,
    owned_by: 'altiplano',
    // vLLM and llama-server: what user interfaces read to size a conversation.
    ...(contextSize === undefined ? {} : { max_model_len: contextSize }),
    ...(trainedContext === undefined ? {} : { meta: { n_ctx_train: trainedContext } }),
  }
}
