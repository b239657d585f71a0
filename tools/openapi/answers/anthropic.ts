import {
  anything,
  count,
  either,
  empty,
  idOf,
  is,
  list,
  nothing,
  object,
  only,
  type Schema,
  text,
} from './schema.ts'

const usage = object({
  input_tokens: count,
  cache_creation_input_tokens: { const: 0 },
  cache_read_input_tokens: count,
  output_tokens: count,
  output_tokens_details: object({ thinking_tokens: count }),
  cache_creation: nothing,
  inference_geo: nothing,
  server_tool_use: nothing,
  service_tier: is('standard'),
  speed: nothing,
})

const caller = object({ type: is('direct') })
const toolUse = (input: Schema): Schema =>
  object({ type: is('tool_use'), id: idOf('toolu_', 24), name: text, input, caller })
const textBlock = object({ type: is('text'), text })
const thinking = object({ type: is('thinking'), thinking: text, signature: text })

/** A stop string is told where one ended the answer, and nowhere else. */
const stopFields = (stop_reason: Schema, stop_sequence: Schema): Readonly<Record<string, Schema>> => ({
  stop_reason,
  stop_sequence,
  stop_details: nothing,
  container: nothing,
})
const ends = [
  stopFields(only('end_turn', 'max_tokens', 'tool_use', 'model_context_window_exceeded'), nothing),
  stopFields(is('stop_sequence'), text),
]
const message = (content: Schema, stop: Readonly<Record<string, Schema>>): Schema =>
  object({
    id: idOf('msg_', 24),
    type: is('message'),
    role: is('assistant'),
    model: text,
    content,
    diagnostics: nothing,
    ...stop,
    usage,
  })

const event = (type: string, fields: Readonly<Record<string, Schema>> = {}): Schema =>
  object({ type: is(type), ...fields })

const error = object({
  type: is('error'),
  error: object(
    {
      type: only(
        'invalid_request_error',
        'authentication_error',
        'permission_error',
        'not_found_error',
        'request_too_large',
        'rate_limit_error',
        'api_error',
        'overloaded_error',
        'timeout_error',
      ),
      message: text,
    },
    { details: object({ error_code: text, unsupported: list(text) }) },
  ),
  request_id: text,
})

export const anthropicSchemas = {
  MessageUsage: usage,
  Message: either(...ends.map((stop) => message(list(either(textBlock, thinking, toolUse(anything))), stop))),
  MessageEvent: either(
    event('message_start', { message: message(empty, stopFields(nothing, nothing)) }),
    event('ping'),
    event('content_block_start', {
      index: count,
      content_block: either(textBlock, thinking, toolUse(object({}))),
    }),
    event('content_block_delta', {
      index: count,
      delta: either(
        event('text_delta', { text }),
        event('thinking_delta', { thinking: text }),
        event('signature_delta', { signature: text }),
        event('input_json_delta', { partial_json: text }),
      ),
    }),
    event('content_block_stop', { index: count }),
    ...ends.map((stop) => event('message_delta', { delta: object(stop), usage })),
    event('message_stop'),
    error,
  ),
  MessageTokens: object({ input_tokens: count }),
  AnthropicError: error,
}
