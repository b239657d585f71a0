import { EFFORTS } from '../../../src/api/chat/thinking.ts'
import { tokenLogprobs } from './openai.ts'
import {
  count,
  either,
  empty,
  flag,
  idOf,
  is,
  list,
  nothing,
  number,
  object,
  only,
  orNull,
  type Schema,
  text,
} from './schema.ts'

type Fields = Readonly<Record<string, Schema>>

const statuses = only('in_progress', 'completed', 'incomplete')
const outputText = object({ type: is('output_text'), text, annotations: empty, logprobs: tokenLogprobs })
const reasoningText = object({ type: is('reasoning_text'), text })
const callFields = { call_id: idOf('call_', 24), name: text }

const item = either(
  object({
    id: idOf('msg_'),
    type: is('message'),
    role: is('assistant'),
    status: statuses,
    content: list(outputText),
  }),
  object({
    id: idOf('rs_'),
    type: is('reasoning'),
    summary: empty,
    content: list(reasoningText),
    status: statuses,
  }),
  object(
    { id: idOf('fc_'), type: is('function_call'), ...callFields, arguments: text, status: statuses },
    { namespace: text },
  ),
  object({ id: idOf('ctc_'), type: is('custom_tool_call'), ...callFields, input: text }, { namespace: text }),
)

const usage = object({
  input_tokens: count,
  input_tokens_details: object({ cached_tokens: count, cache_write_tokens: { const: 0 } }),
  output_tokens: count,
  output_tokens_details: object({ reasoning_tokens: count }),
  total_tokens: count,
})

/** What a response says of its request. */
const echo = {
  instructions: orNull(text),
  max_output_tokens: orNull(count),
  metadata: { type: 'object', additionalProperties: text },
  parallel_tool_calls: flag,
  previous_response_id: nothing,
  reasoning: object({ effort: only(...EFFORTS, null), summary: nothing }),
  store: is(false),
  temperature: number,
  text: object({ format: { type: 'object', properties: { type: text }, required: ['type'] } }),
  tool_choice: either(text, { type: 'object' }),
  tools: list({ type: 'object', properties: { type: text }, required: ['type'] }),
  top_p: number,
  truncation: is('disabled'),
}

const response = (status: string, error: Schema, incomplete_details: Schema, more: Fields = {}): Schema =>
  object(
    {
      id: idOf('resp_'),
      object: is('response'),
      created_at: count,
      model: text,
      output: list(item),
      ...echo,
      status: is(status),
      error,
      incomplete_details,
      ...more,
    },
    { user: text },
  )
const begun = response('in_progress', nothing, nothing)
const completed = response('completed', nothing, nothing, { completed_at: count, usage })
const incomplete = response('incomplete', nothing, object({ reason: is('max_output_tokens') }), { usage })
const failed = response('failed', object({ code: is('server_error'), message: text }), nothing)

const event = (type: string, fields: Fields): Schema =>
  object({ type: is(`response.${type}`), sequence_number: count, ...fields })
const within = { item_id: text, output_index: count }
const inPart = { ...within, content_index: count }
const inItem = { output_index: count, item: item }
const part = either(outputText, reasoningText)

export const responsesSchemas = {
  OutputText: outputText,
  ResponseItem: item,
  ResponseUsage: usage,
  ResponseInProgress: begun,
  ResponseCompleted: completed,
  ResponseIncomplete: incomplete,
  Response: either(completed, incomplete),
  ResponseEvent: either(
    event('created', { response: begun }),
    event('in_progress', { response: begun }),
    event('output_item.added', inItem),
    event('content_part.added', { ...inPart, part }),
    event('output_text.delta', { ...inPart, delta: text, logprobs: tokenLogprobs }),
    event('output_text.done', { ...inPart, text, logprobs: tokenLogprobs }),
    event('reasoning_text.delta', { ...inPart, delta: text }),
    event('reasoning_text.done', { ...inPart, text }),
    event('function_call_arguments.delta', { ...within, delta: text }),
    event('function_call_arguments.done', { ...within, arguments: text, name: text }),
    event('custom_tool_call_input.delta', { ...within, delta: text }),
    event('custom_tool_call_input.done', { ...within, input: text }),
    event('content_part.done', { ...inPart, part }),
    event('output_item.done', inItem),
    event('completed', { response: completed }),
    event('incomplete', { response: incomplete }),
    event('failed', { response: failed }),
  ),
  ResponseTokens: object({ object: is('response.input_tokens'), input_tokens: count }),
}
