import type { FastifyInstance, FastifyReply } from 'fastify'
import { ServingError } from '../../base/errors.ts'
import type { Tenant } from '../../http/access/api-keys.ts'
import type { EmbeddingReady } from '../../protocol/embedding-messages.ts'
import { fieldsWithoutEffect, withoutEffect } from '../chat/common-fields.ts'
import { sendIgnored } from '../chat/ignored-header.ts'
import { checkMost } from '../contract/checks.ts'
import { emptyArray, invalidValue, tooLong, wrongType } from '../contract/failures.ts'
import { readDeclared } from '../contract/field.ts'
import { Fields } from '../contract/fields.ts'
import { integer, oneOf } from '../contract/kinds.ts'
import { givenModel, modelField, modelNotFound, onlyModel } from '../model-names.ts'
import type { ApiHandler, Embedding, Serving } from '../serving.ts'
import { overlong, pooled } from './pooled-inputs.ts'
import { textsOrIds } from './prompts.ts'
import { tokenIds } from './token-ids.ts'

/** OpenAI: most inputs of one request for embeddings. */
const MAX_INPUTS = 2048

/** OpenAI: an input, which is a text or token ids. */
export type EmbeddingInput = string | Uint32Array

export const embeddingsBody = {
  model: modelField,
  input: textsOrIds(MAX_INPUTS, { type: 'string', minLength: 1 }),
  encoding_format: oneOf(['float', 'base64']),
  dimensions: integer({ min: 1 }),
  ...withoutEffect,
}

/** POST /embeddings. OpenAI: one vector for each input, in their order, as floats or as base64 of little-endian float32. */
export function embeddings(app: FastifyInstance, serving: Serving): void {
  app.post('/embeddings', embeddingsHandler(serving))
}

/** Handler of POST /embeddings, for other paths to the same endpoint. */
export function embeddingsHandler(serving: Serving): ApiHandler {
  return async (request, reply) => {
    const fields = Fields.ofBody(request)
    const { model, embedding } = pooledModel(fields, serving, request.tenant)
    const ready = await embedderReady(embedding)
    const body = readDeclared(fields, embeddingsBody)
    const { dimensions = ready.dimensions, encoding_format: format = 'float' } = body
    const inputs = inputsOf(body.input, ready, serving.controlTokenIds)
    checkMost('dimensions', dimensions, ready.dimensions)
    sendIgnored(reply, serving, fieldsWithoutEffect(fields, serving.strictParams))
    const { vectors, tokens } = await embed(inputs, { ready, embedding, serving, reply })
    const data = vectors.map((vector, index) => {
      return { object: 'embedding', index, embedding: encoded(shortened(vector, dimensions), format) }
    })
    return { object: 'list', model, data, usage: { prompt_tokens: tokens, total_tokens: tokens } }
  }
}

/** Waits for a model that makes embeddings. @throws ServingError wrong_model_kind, model_loading. */
export async function embedderReady(embedding: Embedding): Promise<EmbeddingReady> {
  const ready = await embedding.ready()
  if (ready.ranks) throw wrongKind('This model ranks documents; it makes no embeddings.')
  return ready
}

interface Embedder {
  readonly ready: EmbeddingReady
  readonly embedding: Embedding
  readonly serving: Serving
  readonly reply: FastifyReply
}

/** Computes the vectors of inputs. @throws ServingError and ClientGone as pooled(). */
export async function embed(
  inputs: readonly EmbeddingInput[],
  { ready: { contextSize }, embedding, serving, reply }: Embedder,
): Promise<{ readonly vectors: readonly Float32Array[]; readonly tokens: number }> {
  const { results: vectors, tokens } = await pooled(
    inputs.map((input, index) => ({
      read: () => embedding.prepare(input),
      param: 'input',
      path: `input[${index}]`,
    })),
    (each) => embedding.embed(each),
    { contextSize, serving, reply },
  )
  return { vectors, tokens }
}

/** Reads the name of a model that makes embeddings or ranks. @throws ServingError model_not_found, wrong_model_kind. */
export function pooledModel(
  fields: Fields,
  { embedding, names, adapters }: Serving,
  tenant: Tenant | undefined,
): { readonly model: string; readonly embedding: Embedding } {
  const model = givenModel(fields) ?? onlyModel(embedding?.names ?? [], tenant)
  if (embedding?.names.includes(model)) return { model, embedding }
  if (!names.includes(model) && adapters.find(model) === undefined) throw modelNotFound(model)
  throw wrongKind('This model generates text; it makes no embeddings and ranks nothing.')
}

function wrongKind(message: string): ServingError {
  return new ServingError('wrong_model_kind', message, { param: 'model' })
}

/** Reads one input, or several of one kind. @throws ServingError that names the wrong one. */
export function inputsOf(value: unknown, ready: EmbeddingReady, controlTokenIds: boolean): EmbeddingInput[] {
  const refused = new Set(controlTokenIds ? [] : ready.control)
  if (typeof value === 'string') return [textOf(value, 'input')]
  if (!Array.isArray(value)) throw wrongType('input', 'a string or an array', value)
  if (value.length === 0) throw emptyArray('input')
  if (typeof value[0] === 'number') return [idsOf(value, 'input', ready, refused)]
  if (value.length > MAX_INPUTS) throw tooLong('input', value.length, MAX_INPUTS)
  const texts = typeof value[0] === 'string'
  return value.map((item: unknown, index) => {
    const path = `input[${index}]`
    if (texts && typeof item === 'string') return textOf(item, path)
    if (!texts && Array.isArray(item)) return idsOf(item, path, ready, refused)
    throw wrongType(path, texts || index === 0 ? 'a string' : 'an array of token ids', item)
  })
}

function textOf(text: string, path: string): string {
  if (text === '') throw invalidValue(path, 'it is an empty string.')
  return text
}

function idsOf(
  items: readonly unknown[],
  path: string,
  { vocabularySize, contextSize }: EmbeddingReady,
  refused: ReadonlySet<number>,
): Uint32Array {
  if (items.length > contextSize) throw overlong(path, items.length, contextSize, 'input')
  // The model's own first and last tokens are control tokens, and rightly there.
  return tokenIds(items, path, vocabularySize, refused, 'start and the end')
}

/** Matryoshka: the first dimensions of a vector, scaled to norm 1 again. */
export function shortened(vector: Float32Array, dimensions: number): Float32Array {
  if (dimensions === vector.length) return vector
  const part = vector.subarray(0, dimensions)
  const norm = Math.hypot(...part)
  if (norm === 0) throw new ServingError('engine_failed', 'The shortened vector has no direction')
  return part.map((value) => value / norm)
}

function encoded(vector: Float32Array, format: 'float' | 'base64'): string | number[] {
  if (format === 'float') return [...vector]
  const bytes = new DataView(new ArrayBuffer(vector.length * 4))
  for (const [index, value] of vector.entries()) bytes.setFloat32(index * 4, value, true)
  return Buffer.from(bytes.buffer).toString('base64')
}
