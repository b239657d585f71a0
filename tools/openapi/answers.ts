/** JSON Schema of a part of an answer. */
type Schema = Readonly<Record<string, unknown>>

/** An object that has all of the first fields, perhaps some of the second, and no others. */
function object(
  fields: Readonly<Record<string, Schema>>,
  perhaps: Readonly<Record<string, Schema>> = {},
): Schema {
  return {
    type: 'object',
    properties: { ...fields, ...perhaps },
    required: Object.keys(fields),
    additionalProperties: false,
  }
}
const list = (items: Schema, more: Schema = {}): Schema => ({ type: 'array', items, ...more })
const orNull = (schema: Schema): Schema => ({ anyOf: [schema, { type: 'null' }] })
const only = (...values: (string | null)[]): Schema => ({ enum: values })

const text: Schema = { type: 'string' }
const count: Schema = { type: 'integer', minimum: 0 }
const ms: Schema = { type: 'number', minimum: 0 }
const logprob: Schema = { type: 'number', maximum: 0 }
const nothing: Schema = { type: 'null' }

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
const logprobs = orNull(
  object({ content: list(object({ ...token, top_logprobs: list(object(token)) })), refusal: nothing }),
)
const reasons = ['stop', 'length', 'tool_calls']
const head = (kind: string, id: string): Record<string, Schema> => ({
  id: { type: 'string', pattern: `^${id}-[0-9a-f]{32}$` },
  object: { const: kind },
  created: count,
  model: text,
})

const call = { id: { type: 'string', minLength: 9 }, type: { const: 'function' } }
const message = object(
  { role: { const: 'assistant' }, content: orNull(text), refusal: nothing },
  {
    reasoning_content: { type: 'string', minLength: 1 },
    reasoning: { type: 'string', minLength: 1 },
    tool_calls: list(object({ ...call, function: object({ name: text, arguments: text }) }), { minItems: 1 }),
  },
)
/** OpenAI: role once; id, type and name of a call once, and then only its arguments. */
const delta = object(
  {},
  {
    role: { const: 'assistant' },
    content: text,
    reasoning_content: text,
    reasoning: text,
    tool_calls: list(
      {
        anyOf: [
          object({ index: count, ...call, function: object({ name: text, arguments: text }) }),
          object({ index: count, function: object({ arguments: text }) }),
        ],
      },
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
    tokens: list(text),
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

const answered = (whole: Schema, event: Schema): Readonly<Record<string, Schema>> => ({
  'application/json': whole,
  'text/event-stream': event,
})
const chats = answered(chat, chatChunk)
const completions = answered(completion, completionChunk)

/** What the generating routes of OpenAI answer, by route and content type; of a stream, each event. Tests hold answers to it. */
export const answerSchemas: Readonly<Record<string, Readonly<Record<string, Schema>>>> = {
  '/v1/chat/completions': chats,
  '/v1/completions': completions,
}
