import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { ServingError } from '../../base/errors.ts'
import { fieldsWithoutEffect } from '../chat/common-fields.ts'
import { sendIgnored } from '../chat/ignored-header.ts'
import { Fields, invalidValue, tooLong, wrongType } from '../fields.ts'
import type { Embedding, Serving } from '../serving.ts'
import { overlong, pooledModel } from './embeddings.ts'

const MOST_DOCUMENTS = 1000

/**
 * POST /rerank. Jina, Cohere and vLLM: documents in the order of how well they fit a query. A reranking model reads the query
 * with each document, and scores from 0 to 1; of an embedding model it is the cosine of their vectors, from -1 to 1.
 */
export function rerank(app: FastifyInstance, serving: Serving): void {
  app.post('/rerank', async (request, reply) => {
    const fields = Fields.ofBody(request)
    const { model, embedding } = pooledModel(fields, serving)
    const { ranks, contextSize } = await embedding.ready()
    fields.needed('query')
    const query = nonEmpty(fields.string('query') ?? '', 'query')
    const documents = readDocuments(fields)
    const top = fields.integer('top_n', { min: 1, max: Number.MAX_SAFE_INTEGER }) ?? documents.length
    const told = fields.boolean('return_documents') ?? true
    sendIgnored(reply, serving, fieldsWithoutEffect(fields, WITHOUT_EFFECT, serving.strictParams))
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
        ...(told ? { document: { text: documents[index] } } : {}),
      })),
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    }
  })
}

/** Cohere: how long documents are cut, which they are not; the rest tunes priorities. */
const WITHOUT_EFFECT = ['priority', 'user']

interface Judging {
  readonly query: string
  readonly documents: readonly string[]
  readonly embedding: Embedding
  readonly contextSize: number
  readonly reply: FastifyReply
}

interface Judged {
  /** One for each document; undefined: nobody waits for them any more. */
  readonly scores: readonly number[] | undefined
  readonly tokens: number
}

/** Whatever is too long is refused before anything is computed. */
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

function readDocuments(fields: Fields): string[] {
  fields.needed('documents')
  const documents = fields.array('documents', Number.MAX_SAFE_INTEGER) ?? []
  if (documents.length === 0) {
    throw new ServingError('empty_array', "Invalid 'documents': empty array. Expected at least one.", {
      param: 'documents',
    })
  }
  if (documents.length > MOST_DOCUMENTS) throw tooLong('documents', documents.length, MOST_DOCUMENTS)
  return documents.map((document, index) => {
    const path = `documents[${index}]`
    const text =
      typeof document === 'object' && document !== null ? (document as { text?: unknown }).text : document
    if (typeof text !== 'string') throw wrongType(path, 'a string, or an object with a text', document)
    return nonEmpty(text, path)
  })
}

function nonEmpty(text: string, path: string): string {
  if (text === '') throw invalidValue(path, 'it is an empty string.')
  return text
}
