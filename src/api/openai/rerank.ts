import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { ServingError } from '../../base/errors.ts'
import { fieldsWithoutEffect } from '../chat/common-fields.ts'
import { sendIgnored } from '../chat/ignored-header.ts'
import { invalidValue, wrongType } from '../contract/failures.ts'
import { ignored, required } from '../contract/fates.ts'
import { readDeclared } from '../contract/field.ts'
import { Fields } from '../contract/fields.ts'
import { array, flag, integer, mapped, someText } from '../contract/kinds.ts'
import { modelField } from '../model-names.ts'
import type { Embedding, Serving } from '../serving.ts'
import { overlong, pooledModel } from './embeddings.ts'

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
  user: ignored(),
}

/**
 * POST /rerank. Jina, Cohere and vLLM: documents in the order of how well they fit a query. A reranking model reads the query
 * with each document, and scores it from 0 to 1; with an embedding model the score is the cosine of their vectors, from -1 to 1.
 */
export function rerank(app: FastifyInstance, serving: Serving): void {
  app.post('/rerank', async (request, reply) => {
    const fields = Fields.ofBody(request)
    const { model, embedding } = pooledModel(fields, serving, request.tenant)
    const { ranks, contextSize } = await embedding.ready()
    const body = readDeclared(fields, rerankBody)
    const { query, documents, top_n: top = documents.length, return_documents: withDocuments = true } = body
    sendIgnored(reply, serving, fieldsWithoutEffect(fields, serving.strictParams))
    const judge = ranks ? byPairs : byVectors
    const { scores, tokens } = await judge({ query, documents, embedding, contextSize, reply })
    if (scores === undefined) return reply
    serving.spend(request.tenant?.name ?? '', tokens)
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
  })
}

interface Judging {
  readonly query: string
  readonly documents: readonly string[]
  readonly embedding: Embedding
  readonly contextSize: number
  readonly reply: FastifyReply
}

interface Judged {
  /** Score of each document; undefined where the client has left. */
  readonly scores: readonly number[] | undefined
  readonly tokens: number
}

/** Scores documents with a ranking model. All pairs are tokenized before any is computed: one that is too long is refused at once. */
async function byPairs({ query, documents, embedding, contextSize, reply }: Judging): Promise<Judged> {
  const pairs: Uint32Array[] = []
  for (const [index, document] of documents.entries()) {
    const pair = await embedding.pair(query, document)
    if (pair.length > contextSize)
      throw overlong(`documents[${index}]`, pair.length, contextSize, 'documents')
    pairs.push(pair)
  }
  const scores: number[] = []
  for (const pair of pairs) {
    if (reply.raw.destroyed) return { scores: undefined, tokens: 0 }
    scores.push(await embedding.rank(pair))
  }
  return { scores, tokens: pairs.reduce((sum, { length }) => sum + length, 0) }
}

async function byVectors({ query, documents, embedding, contextSize, reply }: Judging): Promise<Judged> {
  const inputs: Uint32Array[] = []
  for (const [index, text] of [query, ...documents].entries()) {
    const tokens = await embedding.prepare(text)
    const [name, path] = index === 0 ? ['query', 'query'] : ['documents', `documents[${index - 1}]`]
    if (tokens.length > contextSize) throw overlong(path ?? '', tokens.length, contextSize, name)
    inputs.push(tokens)
  }
  const vectors: Float32Array[] = []
  for (const tokens of inputs) {
    if (reply.raw.destroyed) return { scores: undefined, tokens: 0 }
    vectors.push(await embedding.embed(tokens))
  }
  const [asked = new Float32Array(), ...found] = vectors
  return {
    scores: found.map((vector) => vector.reduce((sum, value, at) => sum + value * (asked[at] ?? 0), 0)),
    tokens: inputs.reduce((sum, { length }) => sum + length, 0),
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
