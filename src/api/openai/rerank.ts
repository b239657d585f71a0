import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { ServingError } from '../../base/errors.ts'
import { fieldsWithoutEffect, user } from '../chat/common-fields.ts'
import { sendIgnored } from '../chat/ignored-header.ts'
import { invalidValue, wrongType } from '../contract/failures.ts'
import { ignored, required } from '../contract/fates.ts'
import { readDeclared } from '../contract/field.ts'
import { Fields } from '../contract/fields.ts'
import { array, flag, integer, mapped, someText } from '../contract/kinds.ts'
import { modelField } from '../model-names.ts'
import type { ApiHandler, Serving } from '../serving.ts'
import { pooledModel } from './embeddings.ts'
import { type Pair, scoresOf } from './scores.ts'

const MAX_DOCUMENTS = 1000

const NOTHING = 'it is an empty string.'
const text = { type: 'string', minLength: 1 }
const document = { anyOf: [text, { type: 'object', properties: { text }, required: ['text'] }] }
const documents = mapped(array(document, MAX_DOCUMENTS), documentsOf)

/** Jina, Cohere and vLLM: the body of a request to rank documents. */
export const rerankBody = {
  model: modelField,
  query: required(someText(NOTHING)),
  documents: required(documents),
  top_n: integer({ min: 1 }),
  return_documents: flag,
  priority: ignored(),
  user: ignored(user),
}

/**
 * POST /rerank and other paths to it. Jina, Cohere and vLLM: documents in the order of how well they fit a query.
 * llama-server: /reranking; Cohere's second version: /v2/rerank.
 */
export function rerank(app: FastifyInstance, serving: Serving, paths: readonly string[]): void {
  for (const path of paths) app.post(path, rerankHandler(serving))
}

function rerankHandler(serving: Serving): ApiHandler {
  return async (request, reply) => {
    const fields = Fields.ofBody(request)
    const { model, embedding } = pooledModel(fields, serving, request.tenant)
    await embedding.ready()
    const body = readDeclared(fields, rerankBody)
    const { query, documents, top_n: top = documents.length, return_documents: withDocuments = true } = body
    sendIgnored(reply, serving, fieldsWithoutEffect(fields, serving.strictParams))
    const pairs = documents.map(
      (text, index): Pair => [
        { text: query, param: 'query', path: 'query' },
        { text, param: 'documents', path: `documents[${index}]` },
      ],
    )
    const { scores, tokens } = await scoresOf(pairs, embedding, serving, reply)
    const order = [...scores.keys()].sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b)
    return {
      id: `rerank-${randomUUID().replaceAll('-', '')}`,
      object: 'list',
      model,
      results: order.slice(0, top).map((index) => ({
        index,
        relevance_score: scores[index],
        ...(withDocuments ? { document: { text: documents[index] } } : {}),
      })),
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    }
  }
}

function documentsOf(documents: readonly unknown[], param: string): string[] {
  if (documents.length === 0) {
    throw new ServingError('empty_array', `Invalid '${param}': empty array. Expected at least one.`, {
      param,
    })
  }
  return documents.map((document, index) => {
    const path = `${param}[${index}]`
    const text =
      typeof document === 'object' && document !== null ? (document as { text?: unknown }).text : document
    if (typeof text !== 'string') throw wrongType(path, 'a string, or an object with a text', document)
    if (text === '') throw invalidValue(path, NOTHING)
    return text
  })
}
