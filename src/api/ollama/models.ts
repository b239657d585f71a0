import type { FastifyInstance } from 'fastify'
import type { Health } from '../../http/health.ts'
import { fieldsWithoutEffect } from '../chat/common-fields.ts'
import { sendIgnored } from '../chat/ignored-header.ts'
import { silent } from '../contract/fates.ts'
import { readDeclared } from '../contract/field.ts'
import { Fields } from '../contract/fields.ts'
import { flag } from '../contract/kinds.ts'
import { allowedModels, givenModel, modelField, modelNotFound, onlyModel } from '../model-names.ts'
import { namesOf } from '../openai/models.ts'
import type { ReadyModel, Serving } from '../serving.ts'

/** Ollama: version whose API is spoken here. Clients refuse to speak to one that is older than what they need. */
const API_VERSION = '0.12.11'

/** Ollama: time at which a model that is never given up is given up. */
const NEVER = '9999-12-31T23:59:59Z'

/** Ollama: the body of POST /api/show, which once had the model in `name`. */
export const showBody = { model: modelField, name: silent, verbose: flag }

/** GET /tags, /ps and /version, POST /show. Ollama: the models, those that are loaded, and one in detail. */
export function ollamaModels(app: FastifyInstance, serving: Serving, health: Health): void {
  app.get('/version', async () => ({ version: API_VERSION }))

  app.get('/tags', async ({ tenant }) => {
    const ready = await generating(serving)
    const names = allowedModels(namesOf(serving), tenant)
    return { models: names.map((name) => ({ ...entry(name, serving, ready), modified_at: since(serving) })) }
  })

  app.get('/ps', async ({ tenant }) => {
    if (health.notReady() !== undefined) return { models: [] }
    const ready = await generating(serving)
    const names = allowedModels(namesOf(serving), tenant)
    return {
      models: names.map((name) => ({
        ...entry(name, serving, ready),
        expires_at: NEVER,
        context_length:
          (isEmbedding(name, serving) ? serving.embedding?.contextSize() : ready?.contextSize) ?? 0,
      })),
    }
  })

  app.post('/show', async (request, reply) => {
    const fields = Fields.ofBody(request)
    const model = givenModel(fields) ?? onlyModel(namesOf(serving), request.tenant)
    readDeclared(fields, showBody)
    sendIgnored(reply, serving, fieldsWithoutEffect(fields, serving.strictParams))
    if (!namesOf(serving).includes(model)) throw modelNotFound(model)
    const ready = isEmbedding(model, serving) ? undefined : await serving.model()
    return {
      modelfile: '',
      parameters: ready === undefined ? '' : parametersOf(ready),
      template: ready?.info.chatTemplate ?? '',
      details: detailsOf(ready),
      model_info: ready === undefined ? {} : infoOf(ready),
      capabilities: ready === undefined ? ['embedding'] : capabilitiesOf(ready),
      modified_at: since(serving),
    }
  })
}

/** The model that generates; undefined where the server has none. @throws ServingError model_loading. */
async function generating(serving: Serving): Promise<ReadyModel | undefined> {
  return serving.names.length === 0 ? undefined : serving.model()
}

function isEmbedding(name: string, { embedding }: Serving): boolean {
  return embedding?.names.includes(name) === true
}

function since({ created }: Serving): string {
  return new Date(created * 1000).toISOString()
}

/** Ollama: a model in a list. Files are not hashed: there is no digest. */
function entry(name: string, serving: Serving, ready: ReadyModel | undefined): object {
  const own = isEmbedding(name, serving) ? undefined : ready
  return { name, model: name, ...(own && { size: own.file.bytes }), digest: '', details: detailsOf(own) }
}

function detailsOf(ready: ReadyModel | undefined): object {
  const family = ready?.info.architecture ?? ''
  return {
    parent_model: '',
    format: 'gguf',
    family,
    families: family === '' ? [] : [family],
    parameter_size: ready === undefined ? '' : inBillions(ready.file.parameters),
    quantization_level: ready?.file.quantization ?? '',
  }
}

/** Ollama: number of parameters, as 7.6B or 494.03M. */
function inBillions(parameters: number): string {
  if (parameters >= 1e9) return `${(parameters / 1e9).toFixed(1)}B`
  return parameters >= 1e6 ? `${(parameters / 1e6).toFixed(2)}M` : `${(parameters / 1e3).toFixed(2)}K`
}

/** Ollama: defaults of sampling, one a line. */
function parametersOf({ info: { sampling } }: ReadyModel): string {
  const { temperature, topP: top_p, topK: top_k, minP: min_p } = sampling
  return Object.entries({ temperature, top_p, top_k, min_p })
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${Number(value.toPrecision(6))}`]))
    .join('\n')
}

/** Ollama: metadata of the file. The context is that of a slot, which clients size their conversations by. */
function infoOf({ info, contextSize, file }: ReadyModel): object {
  const { architecture } = info
  return {
    'general.architecture': architecture,
    'general.parameter_count': file.parameters,
    [`${architecture}.context_length`]: contextSize,
  }
}

function capabilitiesOf({ info }: ReadyModel): string[] {
  return [
    'completion',
    'tools',
    ...(info.infill ? ['insert'] : []),
    ...(info.chat.reasoning === undefined ? [] : ['thinking']),
  ]
}
