import { errorKinds } from '../../../src/base/errors.ts'
import {
  count,
  either,
  idOf,
  is,
  list,
  nothing,
  number,
  object,
  only,
  orNull,
  type Schema,
  someText,
  text,
  texts,
} from './schema.ts'

const ms: Schema = { type: 'number', minimum: 0 }
const logprob: Schema = { type: 'number', maximum: 0 }

const usage = object({
  prompt_tokens: count,
  completion_tokens: count,
  total_tokens: count,
  prompt_tokens_details: object({ cached_tokens: count }),
  completion_tokens_details: object({
    reasoning_tokens: count,
    accepted_prediction_tokens: count,
    rejected_prediction_tokens: count,
  }),
})
/** llama-server's. */
const timings = object({
  cache_n: count,
  prompt_n: count,
  prompt_ms: ms,
  prompt_per_token_ms: ms,
  prompt_per_second: ms,
  predicted_n: count,
  predicted_ms: ms,
  predicted_per_token_ms: ms,
  predicted_per_second: ms,
})

const token = { token: text, bytes: orNull(list({ type: 'integer', minimum: 0, maximum: 255 })), logprob }
export const tokenLogprobs = list(object({ ...token, top_logprobs: list(object(token)) }))
const logprobs = orNull(object({ content: tokenLogprobs, refusal: nothing }))
const reasons = ['stop', 'length', 'tool_calls']
const head = (kind: string, id: string): Record<string, Schema> => ({
  id: idOf(`${id}-`),
  object: is(kind),
  created: count,
  model: text,
  system_fingerprint: someText,
})

const call = { id: idOf('call_', 24), type: is('function') }
const message = object(
  { role: is('assistant'), content: orNull(text), refusal: nothing },
  {
    reasoning_content: someText,
    reasoning: someText,
    tool_calls: list(object({ ...call, function: object({ name: text, arguments: text }) }), { minItems: 1 }),
  },
)
/** OpenAI: role once; id, type and name of a call once, and then only its arguments. */
const delta = object(
  {},
  {
    role: is('assistant'),
    content: text,
    reasoning_content: text,
    reasoning: text,
    tool_calls: list(
      either(
        object({ index: count, ...call, function: object({ name: text, arguments: text }) }),
        object({ index: count, function: object({ arguments: text }) }),
      ),
      { minItems: 1, maxItems: 1 },
    ),
  },
)

const chat = object(
  {
    ...head('chat.completion', 'chatcmpl'),
    choices: list(object({ index: count, message, logprobs, finish_reason: only(...reasons) }), {
      minItems: 1,
    }),
    usage,
  },
  { timings },
)
const chatChunk = object(
  {
    ...head('chat.completion.chunk', 'chatcmpl'),
    choices: list(object({ index: count, delta, logprobs, finish_reason: only(...reasons, null) }), {
      maxItems: 1,
    }),
  },
  { usage: orNull(usage), timings },
)

const legacyLogprobs = orNull(
  object({
    tokens: texts,
    token_logprobs: list(orNull(logprob)),
    top_logprobs: list(orNull({ type: 'object', additionalProperties: logprob })),
    text_offset: list(count),
  }),
)
const legacyChoice = (...ends: (string | null)[]): Schema =>
  object({ index: count, text, logprobs: legacyLogprobs, finish_reason: only(...ends) })
const completion = object(
  {
    ...head('text_completion', 'cmpl'),
    choices: list(legacyChoice('stop', 'length'), { minItems: 1 }),
    usage,
  },
  { timings },
)
const completionChunk = object(
  {
    ...head('text_completion', 'cmpl'),
    choices: list(legacyChoice('stop', 'length', null), { maxItems: 1 }),
  },
  { usage: orNull(usage), timings },
)

const pooledUsage = object({ prompt_tokens: count, total_tokens: count })
const embeddings = object({
  object: is('list'),
  model: text,
  data: list(object({ object: is('embedding'), index: count, embedding: either(list(number), text) })),
  usage: pooledUsage,
})
/** Jina's and Cohere's. */
const ranking = object({
  id: idOf('rerank-'),
  object: is('list'),
  model: text,
  results: list(object({ index: count, relevance_score: number }, { document: object({ text }) })),
  usage: pooledUsage,
})

const modelFields = { id: text, object: is('model'), created: count, owned_by: is('altiplano') }
const modelSizes = {
  root: text,
  parent: orNull(text),
  max_model_len: count,
  meta: object({ n_ctx_train: count }),
}
const models = object({ object: is('list'), data: list(object(modelFields, modelSizes)), models: texts })
/** KServe V1: name and ready. */
const model = object({ ...modelFields, name: text, ready: is(true) }, modelSizes)

const kinds = Object.values(errorKinds)
const failure = object({
  message: text,
  type: only(...new Set(kinds.map(({ type }) => type))),
  param: orNull(text),
  code: only(...Object.keys(errorKinds)),
})
/** Of what could not be read as HTTP: it is the same on every path. */
const httpFailure = object({
  message: only(
    'Your request is not valid HTTP',
    'The headers of your request are too large',
    'Your request did not arrive in time',
    'This server meets no expectation but 100-continue',
  ),
  type: is('invalid_request_error'),
  param: nothing,
  code: only('invalid_value', 'headers_too_large', 'request_timeout', 'expectation_failed'),
})
const modelNotReady = object({ name: text, ready: is(false), error: failure })

export const openAiSchemas = {
  Usage: usage,
  Timings: timings,
  TokenLogprobs: tokenLogprobs,
  Error: object({ error: failure }),
  HttpError: object({ error: httpFailure }),
  ChatCompletion: chat,
  ChatCompletionChunk: chatChunk,
  Completion: completion,
  CompletionChunk: completionChunk,
  Embeddings: embeddings,
  Ranking: ranking,
  Models: models,
  Model: model,
  ModelNotReady: modelNotReady,
}
