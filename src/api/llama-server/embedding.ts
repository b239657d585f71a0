import type { FastifyInstance } from 'fastify'
import { fieldsWithoutEffect } from '../chat/common-fields.ts'
import { sendIgnored } from '../chat/ignored-header.ts'
import { missing } from '../contract/failures.ts'
import { ignored } from '../contract/fates.ts'
import { readDeclared } from '../contract/field.ts'
import { Fields } from '../contract/fields.ts'
import { modelField } from '../model-names.ts'
import { embed, embedderReady, embeddingsBody, inputsOf, pooledModel } from '../openai/embeddings.ts'
import type { Serving } from '../serving.ts'

const { input } = embeddingsBody
const oneOf = { ...input, required: false, read: (owner: Fields, name: string) => owner.value(name) }

/** llama-server: the body of POST /embedding. */
export const embeddingBody = { model: modelField, content: oneOf, input: oneOf, embd_normalize: ignored() }

/** POST /embedding. llama-server's own: one vector for each input, in a list, as there may be one for each token. */
export function llamaEmbedding(app: FastifyInstance, serving: Serving): void {
  app.post('/embedding', async (request, reply) => {
    const fields = Fields.ofBody(request)
    const { embedding } = pooledModel(fields, serving, request.tenant)
    const ready = await embedderReady(embedding)
    const { content, input = content } = readDeclared(fields, embeddingBody)
    if (input === undefined) throw missing('content')
    if (content !== undefined && content !== input) fields.drop('content')
    const inputs = inputsOf(input, ready, serving.controlTokenIds)
    sendIgnored(reply, serving, fieldsWithoutEffect(fields, serving.strictParams))
    const { vectors } = await embed(inputs, { ready, embedding, serving, reply })
    return vectors.map((vector, index) => ({ index, embedding: [[...vector]] }))
  })
}
