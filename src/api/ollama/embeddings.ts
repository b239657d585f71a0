import type { FastifyInstance } from 'fastify'
import { fieldsWithoutEffect } from '../chat/common-fields.ts'
import { sendIgnored } from '../chat/ignored-header.ts'
import { checkMost } from '../contract/checks.ts'
import { ignored, required, silent } from '../contract/fates.ts'
import { readDeclared } from '../contract/field.ts'
import { Fields } from '../contract/fields.ts'
import { someText } from '../contract/kinds.ts'
import { modelField } from '../model-names.ts'
import {
  embed,
  embedderReady,
  embeddingsBody,
  inputsOf,
  pooledModel,
  shortened,
} from '../openai/embeddings.ts'
import type { Serving } from '../serving.ts'
import { nanoseconds } from './answer.ts'

const shared = {
  model: modelField,
  keep_alive: silent,
  // An input that does not fit is refused.
  truncate: ignored(),
  options: ignored(),
}

/** Ollama: the body of POST /api/embed. */
export const embedBody = { ...shared, input: embeddingsBody.input, dimensions: embeddingsBody.dimensions }
/** Ollama: the body of POST /api/embeddings, which has one input. */
export const singleEmbedBody = { ...shared, prompt: required(someText('it is an empty string.')) }

/** POST /embed and /embeddings. Ollama: vectors of several inputs, or of one. */
export function ollamaEmbeddings(app: FastifyInstance, serving: Serving): void {
  app.post('/embed', async (request, reply) => {
    const startedAt = performance.now()
    const fields = Fields.ofBody(request)
    const { model, embedding } = pooledModel(fields, serving, request.tenant)
    const ready = await embedderReady(embedding)
    const { input, dimensions = ready.dimensions } = readDeclared(fields, embedBody)
    const inputs = inputsOf(input, ready, serving.controlTokenIds)
    checkMost('dimensions', dimensions, ready.dimensions)
    sendIgnored(reply, serving, fieldsWithoutEffect(fields, serving.strictParams))
    const { vectors, tokens } = await embed(inputs, { ready, embedding, serving, reply })
    return {
      model,
      embeddings: vectors.map((vector) => [...shortened(vector, dimensions)]),
      total_duration: nanoseconds(performance.now() - startedAt),
      load_duration: 0,
      prompt_eval_count: tokens,
    }
  })

  app.post('/embeddings', async (request, reply) => {
    const fields = Fields.ofBody(request)
    const { embedding } = pooledModel(fields, serving, request.tenant)
    const ready = await embedderReady(embedding)
    const { prompt } = readDeclared(fields, singleEmbedBody)
    sendIgnored(reply, serving, fieldsWithoutEffect(fields, serving.strictParams))
    const { vectors } = await embed([prompt], { ready, embedding, serving, reply })
    return { embedding: [...(vectors[0] ?? [])] }
  })
}
