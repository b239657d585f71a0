import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
let model: string

beforeAll(async () => {
  server = await startServer(['--max-body-bytes', '2097152'])
  const models = (await (await fetch(`${server.url}/v1/models`)).json()) as { data: { id: string }[] }
  model = models.data[0]?.id ?? ''
})
afterAll(() => server.stop())

const hello = [{ role: 'user', content: 'Hello' }]
const chat = (fields: object): object => ({ model, messages: hello, max_tokens: 2, ...fields })
const messages = (...items: unknown[]): object => chat({ messages: items })

const schema = (given: unknown): object =>
  chat({ response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: given } } })
const nestedSchema = (depth: number): object =>
  depth === 0 ? { type: 'null' } : { type: 'array', items: nestedSchema(depth - 1) }

interface Row {
  readonly name: string
  readonly body: () => unknown
  readonly status: number
  readonly code: string
  readonly param?: string | null
  readonly path?: string
  readonly headers?: Record<string, string>
}

const everyPrivateUse = String.fromCharCode(
  ...Array.from({ length: 0xf8ff - 0xe000 + 1 }, (_, i) => 0xe000 + i),
)
const tool = (more: object = {}): object => ({ type: 'function', function: { name: 'f', ...more } })
const toolCall = { id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }

/** The rows of docs/errors.md's contract: HTTP and JSON (A), schema (B), meaning (C), tokens (D), ranges (E), stop strings (F). */
const rows: Row[] = [
  { name: 'A1 empty body', body: () => '', status: 400, code: 'invalid_json' },
  { name: 'A2 half a body', body: () => '{', status: 400, code: 'invalid_json', param: null },
  { name: 'A3 trailing comma', body: () => '{"model":"x",}', status: 400, code: 'invalid_json' },
  { name: 'A4 raw tab in a string', body: () => '{"model":"a\tb"}', status: 400, code: 'invalid_json' },
  { name: 'A5 null', body: () => 'null', status: 400, code: 'invalid_json' },
  { name: 'A6 an array', body: () => '[]', status: 400, code: 'invalid_json' },
  { name: 'A7 a number', body: () => '1', status: 400, code: 'invalid_json' },
  { name: 'A9 byte order mark', body: () => Buffer.from('\ufeff{}'), status: 400, code: 'invalid_json' },
  {
    name: 'A12 overlong UTF-8',
    body: () => Buffer.from([0x22, 0xc0, 0xaf, 0x22]),
    status: 400,
    code: 'invalid_json',
  },
  { name: 'A13 lone surrogate', body: () => `{"model":"\\ud800"}`, status: 400, code: 'invalid_value' },
  { name: 'A14 NUL', body: () => `{"model":"\\u0000"}`, status: 400, code: 'invalid_value' },
  { name: 'A15 NaN', body: () => '{"temperature":NaN}', status: 400, code: 'invalid_json' },
  { name: 'A20 n 1.5', body: () => chat({ n: 1.5 }), status: 400, code: 'invalid_type', param: 'n' },
  { name: 'A22 a million arrays', body: () => '['.repeat(1_000_000), status: 400, code: 'invalid_json' },
  {
    name: 'A25 100,000 keys',
    body: () => `{${Array.from({ length: 100_000 }, (_, i) => `"${i}":0`).join(',')}}`,
    status: 400,
    code: 'invalid_json',
  },
  { name: 'A26 too large', body: () => 'x'.repeat(2_097_153), status: 413, code: 'request_too_large' },
  {
    name: 'A33 compressed',
    body: () => '{}',
    status: 415,
    code: 'unsupported_media_type',
    headers: { 'content-encoding': 'gzip' },
  },
  {
    name: 'A35 text/plain',
    body: () => '{}',
    status: 415,
    code: 'unsupported_media_type',
    headers: { 'content-type': 'text/plain' },
  },
  {
    name: 'A36 tab after the type',
    body: () => '{}',
    status: 415,
    code: 'unsupported_media_type',
    headers: { 'content-type': 'application/json\ta' },
  },
  {
    name: 'A37 garbage after the type',
    body: () => '{}',
    status: 415,
    code: 'unsupported_media_type',
    headers: { 'content-type': 'application/json garbage' },
  },
  {
    name: 'A38 utf-16',
    body: () => '{}',
    status: 415,
    code: 'unsupported_media_type',
    headers: { 'content-type': 'application/json; charset=utf-16' },
  },
  { name: 'A41 unknown path', body: () => '{}', path: '/v1/nope', status: 404, code: 'unknown_url' },
  {
    name: '__proto__ as a model',
    body: () => chat({ model: '__proto__' }),
    status: 404,
    code: 'model_not_found',
  },

  {
    name: 'B3 no messages',
    body: () => ({ model }),
    status: 400,
    code: 'missing_required_parameter',
    param: 'messages',
  },
  { name: 'B4 empty messages', body: () => messages(), status: 400, code: 'empty_array', param: 'messages' },
  {
    name: 'B5 messages of a wrong type',
    body: () => chat({ messages: 'hi' }),
    status: 400,
    code: 'invalid_type',
    param: 'messages',
  },
  {
    name: 'B6 a message that is a string',
    body: () => messages('hi'),
    status: 400,
    code: 'invalid_type',
    param: 'messages[0]',
  },
  {
    name: 'B7 unknown role',
    body: () => messages({ role: 'wizard', content: 'x' }),
    status: 400,
    code: 'invalid_value',
    param: 'messages[0].role',
  },
  {
    name: 'B9 content null',
    body: () => messages({ role: 'user', content: null }),
    status: 400,
    code: 'missing_required_parameter',
    param: 'messages[0].content',
  },
  {
    name: 'B10 content 5',
    body: () => messages({ role: 'user', content: 5 }),
    status: 400,
    code: 'invalid_type',
    param: 'messages[0].content',
  },
  {
    name: 'B13 text part without text',
    body: () => messages({ role: 'user', content: [{ type: 'text' }] }),
    status: 400,
    code: 'missing_required_parameter',
    param: 'messages[0].content[0].text',
  },
  {
    name: 'B14 an image',
    body: () => messages({ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:,' } }] }),
    status: 400,
    code: 'unsupported_content',
  },
  {
    name: 'B15 assistant without content',
    body: () => messages({ role: 'assistant', content: null }),
    status: 400,
    code: 'missing_required_parameter',
  },
  {
    name: 'B16 10,001 messages',
    body: () => messages(...Array.from({ length: 10_001 }, () => hello[0])),
    status: 400,
    code: 'array_above_max_length',
    param: 'messages',
  },
  {
    name: 'B19 stream "true"',
    body: () => chat({ stream: 'true' }),
    status: 400,
    code: 'invalid_type',
    param: 'stream',
  },
  {
    name: 'B20 stream_options without stream',
    body: () => chat({ stream_options: {} }),
    status: 400,
    code: 'invalid_value',
    param: 'stream_options',
  },
  {
    name: 'B21 include_usage "x"',
    body: () => chat({ stream: true, stream_options: { include_usage: 'x' } }),
    status: 400,
    code: 'invalid_type',
    param: 'stream_options.include_usage',
  },
  {
    name: 'B24 template variable',
    body: () => chat({ chat_template_kwargs: { tokenize: true } }),
    status: 400,
    code: 'unsupported_parameter',
    param: 'chat_template_kwargs',
  },
  {
    name: 'B26 long user',
    body: () => chat({ user: 'x'.repeat(10_240) }),
    status: 400,
    code: 'string_above_max_length',
    param: 'user',
  },
  {
    name: 'B27 17 metadata pairs',
    body: () => chat({ metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [i, 'x'])) }),
    status: 400,
    code: 'invalid_value',
    param: 'metadata',
  },
  {
    name: 'B27 nested metadata',
    body: () => chat({ metadata: { a: {} } }),
    status: 400,
    code: 'invalid_type',
    param: 'metadata.a',
  },
  {
    name: 'tools of a wrong type',
    body: () => chat({ tools: {} }),
    status: 400,
    code: 'invalid_type',
    param: 'tools',
  },
  {
    name: 'a tool that is a string',
    body: () => chat({ tools: ['f'] }),
    status: 400,
    code: 'invalid_type',
    param: 'tools[0]',
  },
  {
    name: 'a tool without type',
    body: () => chat({ tools: [{ function: { name: 'f' } }] }),
    status: 400,
    code: 'missing_required_parameter',
    param: 'tools[0].type',
  },
  {
    name: 'a custom tool',
    body: () => chat({ tools: [{ type: 'custom', custom: { name: 'f' } }] }),
    status: 400,
    code: 'unsupported_parameter',
    param: 'tools[0].type',
  },
  {
    name: 'a tool of no kind',
    body: () => chat({ tools: [{ type: 'web' }] }),
    status: 400,
    code: 'invalid_value',
    param: 'tools[0].type',
  },
  {
    name: 'a tool without function',
    body: () => chat({ tools: [{ type: 'function' }] }),
    status: 400,
    code: 'missing_required_parameter',
    param: 'tools[0].function',
  },
  {
    name: 'a tool without name',
    body: () => chat({ tools: [{ type: 'function', function: {} }] }),
    status: 400,
    code: 'missing_required_parameter',
    param: 'tools[0].function.name',
  },
  {
    name: 'a tool name with a dot',
    body: () => chat({ tools: [tool({ name: 'a.b' })] }),
    status: 400,
    code: 'invalid_value',
    param: 'tools[0].function.name',
  },
  {
    name: 'an empty tool name',
    body: () => chat({ tools: [tool({ name: '' })] }),
    status: 400,
    code: 'invalid_value',
    param: 'tools[0].function.name',
  },
  {
    name: 'a tool name of 129',
    body: () => chat({ tools: [tool({ name: 'x'.repeat(129) })] }),
    status: 400,
    code: 'string_above_max_length',
    param: 'tools[0].function.name',
  },
  {
    name: 'a control token as tool name',
    body: () => chat({ tools: [tool({ name: '<|im_end|>' })] }),
    status: 400,
    code: 'invalid_value',
    param: 'tools[0].function.name',
  },
  {
    name: 'a tool description of a wrong type',
    body: () => chat({ tools: [tool({ description: 5 })] }),
    status: 400,
    code: 'invalid_type',
    param: 'tools[0].function.description',
  },
  {
    name: 'tool parameters of a wrong type',
    body: () => chat({ tools: [tool({ parameters: [] })] }),
    status: 400,
    code: 'invalid_type',
    param: 'tools[0].function.parameters',
  },
  {
    name: 'strict of a wrong type',
    body: () => chat({ tools: [tool({ strict: 1 })] }),
    status: 400,
    code: 'invalid_type',
    param: 'tools[0].function.strict',
  },
  {
    name: 'a tool twice',
    body: () => chat({ tools: [tool(), tool()] }),
    status: 400,
    code: 'invalid_value',
    param: 'tools[1].function.name',
  },
  {
    name: '513 tools',
    body: () => chat({ tools: Array.from({ length: 513 }, (_, i) => tool({ name: `f${i}` })) }),
    status: 400,
    code: 'array_above_max_length',
    param: 'tools',
  },
  {
    name: 'tool_choice of no kind',
    body: () => chat({ tools: [tool()], tool_choice: 'maybe' }),
    status: 400,
    code: 'invalid_value',
    param: 'tool_choice',
  },
  {
    name: 'tool_choice 5',
    body: () => chat({ tools: [tool()], tool_choice: 5 }),
    status: 400,
    code: 'invalid_type',
    param: 'tool_choice',
  },
  {
    name: 'tool_choice required of no allowed tool',
    body: () =>
      chat({
        tools: [tool()],
        tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [] } },
      }),
    status: 400,
    code: 'empty_array',
    param: 'tool_choice.allowed_tools.tools',
  },
  {
    name: 'tool_choice required without tools',
    body: () => chat({ tool_choice: 'required' }),
    status: 400,
    code: 'invalid_value',
    param: 'tool_choice',
  },
  {
    name: 'tool_choice of no tool',
    body: () => chat({ tools: [tool()], tool_choice: { type: 'function', function: { name: 'g' } } }),
    status: 400,
    code: 'invalid_value',
    param: 'tool_choice.function.name',
  },
  {
    name: 'tool_choice without name',
    body: () => chat({ tools: [tool()], tool_choice: { type: 'function', function: {} } }),
    status: 400,
    code: 'missing_required_parameter',
    param: 'tool_choice.function.name',
  },
  {
    name: 'allowed_tools without mode',
    body: () =>
      chat({ tools: [tool()], tool_choice: { type: 'allowed_tools', allowed_tools: { tools: [] } } }),
    status: 400,
    code: 'missing_required_parameter',
    param: 'tool_choice.allowed_tools.mode',
  },
  {
    name: 'parallel_tool_calls of a wrong type',
    body: () => chat({ tools: [tool()], parallel_tool_calls: 'no' }),
    status: 400,
    code: 'invalid_type',
    param: 'parallel_tool_calls',
  },
  {
    name: 'reasoning_effort of no kind',
    body: () => chat({ reasoning_effort: 'huge' }),
    status: 400,
    code: 'invalid_value',
    param: 'reasoning_effort',
  },
  {
    name: 'enable_thinking of a wrong type',
    body: () => chat({ chat_template_kwargs: { enable_thinking: 'yes' } }),
    status: 400,
    code: 'invalid_type',
    param: 'chat_template_kwargs.enable_thinking',
  },
  {
    name: 'a request template',
    body: () => chat({ chat_template: 'x' }),
    status: 400,
    code: 'unsupported_parameter',
    param: 'chat_template',
  },

  {
    name: 'C1 unknown model',
    body: () => chat({ model: 'nope' }),
    status: 404,
    code: 'model_not_found',
    param: 'model',
  },
  {
    name: 'C3 long prompt',
    body: () => messages({ role: 'user', content: 'word '.repeat(20_000) }),
    status: 400,
    code: 'context_length_exceeded',
    param: 'messages',
  },
  {
    name: 'C7 tool message alone',
    body: () => messages({ role: 'tool', content: 'x', tool_call_id: 'a' }),
    status: 400,
    code: 'invalid_value',
    param: 'messages[0].role',
  },
  {
    name: 'C9 duplicate call id',
    body: () => messages(hello[0], { role: 'assistant', tool_calls: [toolCall, toolCall] }),
    status: 400,
    code: 'invalid_value',
  },
  {
    name: 'C10 unknown call id',
    body: () =>
      messages(
        hello[0],
        { role: 'assistant', tool_calls: [toolCall] },
        { role: 'tool', content: 'x', tool_call_id: 'b' },
      ),
    status: 400,
    code: 'invalid_value',
    param: 'messages[2].tool_call_id',
  },

  {
    name: 'a prediction of another type',
    body: () => chat({ prediction: { type: 'tokens', content: 'a' } }),
    status: 400,
    code: 'invalid_value',
    param: 'prediction.type',
  },
  {
    name: 'a prediction without content',
    body: () => chat({ prediction: { type: 'content' } }),
    status: 400,
    code: 'missing_required_parameter',
    param: 'prediction.content',
  },
  {
    name: 'D10 every private-use character',
    body: () => messages({ role: 'user', content: everyPrivateUse }),
    status: 400,
    code: 'template_error',
    param: 'messages',
  },
  {
    name: 'D13 a control token after the start',
    path: '/v1/completions',
    body: () => ({ model, prompt: [2042, 2042] }),
    status: 400,
    code: 'invalid_value',
    param: 'prompt[1]',
  },
  {
    name: 'more choices than there can ever be room for',
    path: '/v1/completions',
    body: () => ({ model, prompt: Array.from({ length: 128 }, () => 'a'), max_tokens: 1, n: 8 }),
    status: 400,
    code: 'invalid_value',
  },
  {
    name: 'D12 token id -1',
    path: '/v1/completions',
    body: () => ({ model, prompt: [-1] }),
    status: 400,
    code: 'invalid_value',
    param: 'prompt',
  },
  {
    name: 'D12 token id too large',
    path: '/v1/completions',
    body: () => ({ model, prompt: [2 ** 31] }),
    status: 400,
    code: 'invalid_value',
    param: 'prompt',
  },
  {
    name: 'D12 token id 1.5',
    path: '/v1/completions',
    body: () => ({ model, prompt: [1.5] }),
    status: 400,
    code: 'invalid_value',
    param: 'prompt',
  },
  {
    name: 'D16 10,000 prompts',
    path: '/v1/completions',
    body: () => ({ model, prompt: Array.from({ length: 10_000 }, () => 'a') }),
    status: 400,
    code: 'array_above_max_length',
    param: 'prompt',
  },
  {
    name: 'D17 mixed prompts',
    path: '/v1/completions',
    body: () => ({ model, prompt: ['a', [1]] }),
    status: 400,
    code: 'invalid_type',
    param: 'prompt[1]',
  },

  {
    name: 'E1 temperature -0.1',
    body: () => chat({ temperature: -0.1 }),
    status: 400,
    code: 'decimal_below_min_value',
    param: 'temperature',
  },
  {
    name: 'E1 temperature 2.1',
    body: () => chat({ temperature: 2.1 }),
    status: 400,
    code: 'decimal_above_max_value',
    param: 'temperature',
  },
  {
    name: 'E1 temperature "1"',
    body: () => chat({ temperature: '1' }),
    status: 400,
    code: 'invalid_type',
    param: 'temperature',
  },
  {
    name: 'E3 top_p 1.1',
    body: () => chat({ top_p: 1.1 }),
    status: 400,
    code: 'decimal_above_max_value',
    param: 'top_p',
  },
  {
    name: 'E6 n 129',
    body: () => chat({ n: 129 }),
    status: 400,
    code: 'integer_above_max_value',
    param: 'n',
  },
  {
    name: 'E7 n 2^53',
    body: () => chat({ n: 2 ** 53 }),
    status: 400,
    code: 'integer_above_max_value',
    param: 'n',
  },
  {
    name: 'E9 max_tokens -2',
    body: () => chat({ max_tokens: -2 }),
    status: 400,
    code: 'integer_below_min_value',
    param: 'max_tokens',
  },
  {
    name: 'E11 logit_bias of a word',
    body: () => chat({ logit_bias: { abc: 1 } }),
    status: 400,
    code: 'invalid_type',
    param: 'logit_bias',
  },
  {
    name: 'E12 logit_bias of no token',
    body: () => chat({ logit_bias: { 999999999: 1 } }),
    status: 400,
    code: 'invalid_value',
    param: 'logit_bias',
  },
  {
    name: 'E14 logit_bias of 301',
    body: () => chat({ logit_bias: Object.fromEntries(Array.from({ length: 301 }, (_, i) => [i, 1])) }),
    status: 400,
    code: 'array_above_max_length',
    param: 'logit_bias',
  },
  {
    name: 'E16 top_logprobs 21',
    body: () => chat({ logprobs: true, top_logprobs: 21 }),
    status: 400,
    code: 'integer_above_max_value',
    param: 'top_logprobs',
  },
  {
    name: 'E16 top_logprobs without logprobs',
    body: () => chat({ top_logprobs: 2 }),
    status: 400,
    code: 'invalid_value',
    param: 'top_logprobs',
  },
  {
    name: 'E16 top_logprobs with logprobs false',
    body: () => chat({ logprobs: false, top_logprobs: 2 }),
    status: 400,
    code: 'invalid_value',
    param: 'top_logprobs',
  },
  {
    name: 'E16 a number of logprobs in a chat',
    body: () => chat({ logprobs: 2 }),
    status: 400,
    code: 'invalid_type',
    param: 'logprobs',
  },
  {
    name: 'E16 logprobs 21',
    path: '/v1/completions',
    body: () => ({ model, prompt: 'a', logprobs: 21 }),
    status: 400,
    code: 'integer_above_max_value',
    param: 'logprobs',
  },
  {
    name: 'E16 logprobs true in a completion',
    path: '/v1/completions',
    body: () => ({ model, prompt: 'a', logprobs: true }),
    status: 400,
    code: 'invalid_type',
    param: 'logprobs',
  },
  {
    name: 'E16 logprobs of more prompts than an answer tells',
    path: '/v1/completions',
    body: () => ({
      model,
      prompt: Array.from({ length: 20 }, () => Array.from({ length: 1400 }, () => 57)),
      echo: true,
      logprobs: 20,
    }),
    status: 400,
    code: 'invalid_value',
    param: 'logprobs',
  },
  {
    name: 'a suffix for a model that cannot fill in the middle',
    path: '/v1/completions',
    body: () => ({ model, prompt: 'a', suffix: 'b' }),
    status: 400,
    code: 'unsupported_parameter',
    param: 'suffix',
  },
  {
    name: 'E19 best_of 1 with n 2',
    path: '/v1/completions',
    body: () => ({ model, prompt: 'a', n: 2, best_of: 1 }),
    status: 400,
    code: 'invalid_value',
    param: 'best_of',
  },
  {
    name: 'E20 best_of with stream',
    path: '/v1/completions',
    body: () => ({ model, prompt: 'a', best_of: 2, stream: true }),
    status: 400,
    code: 'invalid_value',
    param: 'best_of',
  },
  {
    name: 'E20 best_of 1000',
    path: '/v1/completions',
    body: () => ({ model, prompt: 'a', best_of: 1000 }),
    status: 400,
    code: 'integer_above_max_value',
    param: 'best_of',
  },

  {
    name: 'F1 65 stops',
    body: () => chat({ stop: Array.from({ length: 65 }, (_, i) => `a${i}`) }),
    status: 400,
    code: 'array_above_max_length',
    param: 'stop',
  },
  {
    name: 'F2 empty stop',
    body: () => chat({ stop: '' }),
    status: 400,
    code: 'invalid_value',
    param: 'stop',
  },
  { name: 'F3 [""]', body: () => chat({ stop: [''] }), status: 400, code: 'invalid_value', param: 'stop[0]' },
  {
    name: 'F3 [null]',
    body: () => chat({ stop: [null] }),
    status: 400,
    code: 'invalid_type',
    param: 'stop[0]',
  },
  { name: 'F3 [1]', body: () => chat({ stop: [1] }), status: 400, code: 'invalid_type', param: 'stop[0]' },
  {
    name: 'G10 response_format xml',
    body: () => chat({ response_format: { type: 'xml' } }),
    status: 400,
    code: 'invalid_value',
    param: 'response_format.type',
  },
  {
    name: 'G11 json_schema without one',
    body: () => chat({ response_format: { type: 'json_schema' } }),
    status: 400,
    code: 'missing_required_parameter',
    param: 'response_format.json_schema',
  },
  {
    name: 'G11 json_schema without a name',
    body: () => chat({ response_format: { type: 'json_schema', json_schema: { schema: {} } } }),
    status: 400,
    code: 'missing_required_parameter',
    param: 'response_format.json_schema.name',
  },
  {
    name: 'a schema that is a list',
    body: () => schema([]),
    status: 400,
    code: 'invalid_type',
    param: 'response_format.json_schema.schema',
  },
  {
    name: 'a keyword that cannot be honoured',
    body: () => schema({ type: 'object', properties: { a: { not: { type: 'null' } } } }),
    status: 400,
    code: 'invalid_json_schema',
    param: 'response_format.json_schema.schema.properties.a.not',
  },
  {
    name: 'G13 schema of 33 levels',
    body: () => schema(nestedSchema(33)),
    status: 400,
    code: 'invalid_json_schema',
  },
  {
    name: 'G13 schema text of 7,000 levels',
    body: () => chat({ guided_json: `${'{"not":'.repeat(7000)}1${'}'.repeat(7000)}` }),
    status: 400,
    code: 'invalid_json_schema',
    param: 'guided_json',
  },
  {
    name: 'G14 a reference to itself',
    body: () => schema({ $ref: '#' }),
    status: 400,
    code: 'invalid_json_schema',
  },
  {
    name: 'G14 references that double',
    body: () =>
      schema({ anyOf: [{ $ref: '#' }, { $ref: '#' }], type: 'object', properties: { a: { $ref: '#' } } }),
    status: 400,
    code: 'invalid_json_schema',
  },
  {
    name: 'G15 a remote reference',
    body: () => schema({ properties: { a: { $ref: 'http://127.0.0.1:1/' } } }),
    status: 400,
    code: 'invalid_json_schema',
    param: 'response_format.json_schema.schema.properties.a.$ref',
  },
  {
    name: 'G18 enum of 1 MB',
    body: () => schema({ enum: ['x'.repeat(1_000_000)] }),
    status: 400,
    code: 'invalid_json_schema',
  },
  {
    name: 'G19 maxLength 1e9',
    body: () => schema({ type: 'string', maxLength: 1e9 }),
    status: 400,
    code: 'invalid_json_schema',
    param: 'response_format.json_schema.schema.maxLength',
  },
  {
    name: 'G22 60,000 brackets in a pattern',
    body: () => schema({ type: 'string', pattern: '('.repeat(60_000) }),
    status: 400,
    code: 'invalid_json_schema',
  },
  {
    name: 'G22 look-ahead',
    body: () => chat({ guided_regex: 'a(?=b)' }),
    status: 400,
    code: 'invalid_grammar',
    param: 'guided_regex',
  },
  {
    name: 'G25 a grammar of 60,000 brackets',
    body: () => chat({ grammar: `root ::= ${'('.repeat(60_000)}` }),
    status: 400,
    code: 'invalid_grammar',
    param: 'grammar',
  },
  {
    name: 'G28 a malformed grammar after a valid one',
    path: '/v1/completions',
    body: () => ({ model, prompt: 'a', grammar: 'root ::= "a" |= "b"' }),
    status: 400,
    code: 'invalid_grammar',
    param: 'grammar',
  },
  {
    name: 'left recursion',
    body: () => chat({ structured_outputs: { grammar: 'root ::= root "a" | "a"' } }),
    status: 400,
    code: 'invalid_grammar',
    param: 'structured_outputs.grammar',
  },
  {
    name: 'a grammar that doubles with each character',
    body: () => chat({ grammar: 'root ::= "a" root "b" | "a" root "c" | "d"' }),
    status: 400,
    code: 'invalid_grammar',
  },
  {
    name: 'two constraints',
    body: () => chat({ response_format: { type: 'json_object' }, guided_choice: ['a'] }),
    status: 400,
    code: 'invalid_value',
    param: 'guided_choice',
  },
  {
    name: 'a constraint that ends, without an end',
    body: () => chat({ guided_choice: ['a'], ignore_eos: true }),
    status: 400,
    code: 'invalid_value',
    param: 'ignore_eos',
  },
  {
    name: 'no choices',
    body: () => chat({ guided_choice: [] }),
    status: 400,
    code: 'empty_array',
    param: 'guided_choice',
  },
  {
    name: 'a choice that is a number',
    body: () => chat({ structured_outputs: { choice: ['a', 1] } }),
    status: 400,
    code: 'invalid_type',
    param: 'structured_outputs.choice[1]',
  },
  {
    name: 'a structured output of another kind',
    body: () => chat({ structured_outputs: { structural_tag: '{}' } }),
    status: 400,
    code: 'unsupported_parameter',
    param: 'structured_outputs',
  },
]

interface ErrorAnswer {
  readonly error: { message: string; type: string; param: string | null; code: string }
}

async function post(row: Pick<Row, 'body' | 'path' | 'headers'>): Promise<Response> {
  const body = row.body()
  return fetch(server.url + (row.path ?? '/v1/chat/completions'), {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...row.headers },
    body: typeof body === 'string' || body instanceof Buffer ? body : JSON.stringify(body),
  })
}

describe('a bad request', () => {
  it.each(rows)('bad request: $name is answered with $status $code, and the server stays up', async (row) => {
    const started = performance.now()
    const response = await post(row)
    // On a quiet machine a tenth of it.
    expect(performance.now() - started).toBeLessThan(20_000)
    const { error } = (await response.json()) as ErrorAnswer
    expect([response.status, error.code]).toEqual([row.status, row.code])
    if (row.param !== undefined) expect(error.param).toBe(row.param)
    expect(Object.keys(error).sort()).toEqual(['code', 'message', 'param', 'type'])
    expect(error.type).toBe('invalid_request_error')
    expect(error.message.length).toBeLessThanOrEqual(1024)
    expect(response.headers.get('content-type')).toMatch(/^application\/json/)
    expect(response.headers.get('x-request-id')).toMatch(/^[\w.-]{1,128}$/)
    const next = await post({ body: () => chat({}) })
    expect(next.status).toBe(200)
  })

  it('GET on a POST route is answered with 405 and the method to use', async () => {
    const response = await fetch(`${server.url}/v1/chat/completions`)
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST'])
    expect(((await response.json()) as ErrorAnswer).error.code).toBe('method_not_supported')
  })

  it('an exceeded context is refused with both counts, in the words that clients look for', async () => {
    const response = await post({ body: () => messages({ role: 'user', content: 'word '.repeat(20_000) }) })
    const { error } = (await response.json()) as ErrorAnswer
    expect(error.message).toMatch(
      /^This model's maximum context length is \d+ tokens\. However, your messages resulted in \d+ tokens\./,
    )
  })

  it('a text that cannot fit is refused without being tokenized', async () => {
    const response = await post({ body: () => messages({ role: 'user', content: 'word '.repeat(400_000) }) })
    const { error } = (await response.json()) as ErrorAnswer
    expect([response.status, error.code]).toEqual([400, 'context_length_exceeded'])
    // Whoever had counted them would know how many they are.
    expect(error.message).toMatch(/resulted in at least \d+ tokens/)
  })

  it('an error never echoes a stack, a path or long client text', async () => {
    const response = await post({ body: () => chat({ model: `/etc/passwd${'A'.repeat(5000)}` }) })
    const { error } = (await response.json()) as ErrorAnswer
    expect(error.message.length).toBeLessThan(200)
  })
})

describe('a request within the limits', () => {
  const accepted: [string, () => object | string][] = [
    [
      'null in optional fields',
      () => chat({ temperature: null, stop: null, tools: null, n: null, seed: null }),
    ],
    ['n as 1.0', () => JSON.stringify(chat({})).replace(/}$/, ',"n":1.0}')],
    [
      'content in parts',
      () =>
        messages({
          role: 'user',
          content: [
            { type: 'text', text: 'Hel' },
            { type: 'text', text: 'lo' },
          ],
        }),
    ],
    ['developer as a role', () => messages({ role: 'developer', content: 'Be brief' }, hello[0])],
    ['temperature 1e-300', () => chat({ temperature: 1e-300 })],
    ['text as response_format', () => chat({ response_format: { type: 'text' } })],
    ['a tool', () => chat({ tools: [tool()], tool_choice: 'auto', parallel_tool_calls: null })],
    [
      '128 tools',
      () =>
        chat({ tools: Array.from({ length: 128 }, (_, i) => tool({ name: `f${i}` })), tool_choice: 'none' }),
    ],
    ['tool_choice without tools', () => chat({ tool_choice: 'auto' })],
    ['a reasoning effort', () => chat({ reasoning_effort: 'minimal' })],
    ['an empty list of tools', () => chat({ tools: [] })],
    ['thinking switched off', () => chat({ chat_template_kwargs: { enable_thinking: false } })],
    ['a negative seed', () => chat({ seed: -5 })],
  ]
  it.each(accepted)('the server accepts %s', async (_name, body) => {
    expect((await post({ body })).status).toBe(200)
  })

  it('an answer names the ignored fields of its request', async () => {
    const response = await post({ body: () => chat({ mirostat: 2, store: true, 'we"ird\n': 1 }) })
    expect(response.status).toBe(200)
    expect(response.headers.get('x-ignored-params')?.split(', ').sort()).toEqual([
      'mirostat',
      'store',
      'we_ird_',
    ])
  })
})
