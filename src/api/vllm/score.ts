import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { fieldsWithoutEffect, user } from '../chat/common-fields.ts'
import { sendIgnored } from '../chat/ignored-header.ts'
import { emptyArray, invalidValue, tooLong, wrongType } from '../contract/failures.ts'
import { ignored, required } from '../contract/fates.ts'
import { readDeclared } from '../contract/field.ts'
import { Fields } from '../contract/fields.ts'
import { anything, mapped } from '../contract/kinds.ts'
import { modelField } from '../model-names.ts'
import { pooledModel } from '../openai/embeddings.ts'
import { type Pair, scoresOf } from '../openai/scores.ts'
import type { Serving } from '../serving.ts'

const MAX_TEXTS = 1000

const text = { type: 'string', minLength: 1 }
const texts = mapped(
  anything({ anyOf: [text, { type: 'array', items: text, minItems: 1, maxItems: MAX_TEXTS }] }),
  textsOf,
)

/** vLLM: the body of a request to score texts by how well they fit others. */
export const scoreBody = {
  model: modelField,
  text_1: required(texts),
  text_2: required(texts),
  priority: ignored(),
  user: ignored(user),
}

/** POST /score. vLLM: scores `text_1` with each of `text_2`, or, where both are lists, with that at the same place. */
export function score(app: FastifyInstance, serving: Serving): void {
  app.post('/score', async (request, reply) => {
    const fields = Fields.ofBody(request)
    const { model, embedding } = pooledModel(fields, serving, request.tenant)
    await embedding.ready()
    const { text_1: first, text_2: second } = readDeclared(fields, scoreBody)
    const pairs = pairsOf(first, second)
    sendIgnored(reply, serving, fieldsWithoutEffect(fields, serving.strictParams))
    const { scores, tokens } = await scoresOf(pairs, embedding, serving, reply)
    return {
      id: `score-${randomUUID().replaceAll('-', '')}`,
      object: 'list',
      created: Math.floor(Date.now() / 1000),
      model,
      data: scores.map((value, index) => ({ index, object: 'score', score: value })),
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    }
  })
}

function pairsOf(first: readonly string[], second: readonly string[]): Pair[] {
  if (first.length !== 1 && first.length !== second.length)
    throw invalidValue('text_1', `it has ${first.length} texts, and text_2 ${second.length}.`)
  return second.map((text, index) => {
    const from = first.length === 1 ? 0 : index
    return [
      { text: first[from] ?? '', param: 'text_1', path: `text_1[${from}]` },
      { text, param: 'text_2', path: `text_2[${index}]` },
    ]
  })
}

function textsOf(value: unknown, param: string): readonly string[] {
  const given: unknown[] = Array.isArray(value) ? value : [value]
  if (given.length === 0) throw emptyArray(param)
  if (given.length > MAX_TEXTS) throw tooLong(param, given.length, MAX_TEXTS)
  return given.map((item, index) => {
    const path = Array.isArray(value) ? `${param}[${index}]` : param
    if (typeof item !== 'string') throw wrongType(path, 'a string', item)
    if (item === '') throw invalidValue(path, 'it is an empty string.')
    return item
  })
}
