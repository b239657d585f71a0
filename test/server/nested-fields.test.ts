import { afterAll, beforeAll, expect, it } from 'vitest'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
let strict: TestServer
beforeAll(async () => {
  server = await startServer(['--served-model-name', 'demo'])
  strict = await startServer(['--served-model-name', 'demo', '--strict-params'])
})
afterAll(async () => {
  await server.stop()
  await strict.stop()
})

const post = (to: TestServer, path: string, body: object): Promise<Response> =>
  fetch(`${to.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'demo', max_tokens: 2, ...body }),
  })

const hello = { role: 'user', content: 'Hi' }
const weather = { name: 'weather', parameters: { type: 'object', properties: {}, 'x-own': 1 } }
const tool = { type: 'function', function: weather }

const unknown: [path: string, at: string, body: object][] = [
  ['messages[1].foo', 'chat/completions', { messages: [hello, { ...hello, foo: 1 }, { ...hello, foo: 2 }] }],
  [
    'messages[0].content[0].foo',
    'chat/completions',
    { messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi', foo: 1 }] }] },
  ],
  ['tools[0].bar', 'chat/completions', { messages: [hello], tools: [{ ...tool, bar: 1 }] }],
  [
    'tools[0].function.bar',
    'chat/completions',
    { messages: [hello], tools: [{ ...tool, function: { ...weather, bar: 1 } }] },
  ],
  [
    'tool_choice.x',
    'chat/completions',
    {
      messages: [hello],
      tools: [tool],
      tool_choice: { type: 'function', function: { name: 'weather' }, x: 1 },
    },
  ],
  [
    'response_format.schema',
    'chat/completions',
    { messages: [hello], response_format: { type: 'json_object', schema: {} } },
  ],
  [
    'response_format.json_schema.x',
    'chat/completions',
    {
      messages: [hello],
      response_format: { type: 'json_schema', json_schema: { name: 'a', schema: {}, x: 1 } },
    },
  ],
  ['stream_options.y', 'chat/completions', { messages: [hello], stream: true, stream_options: { y: 1 } }],
  ['stream_options.y', 'completions', { prompt: 'Hi', stream: true, stream_options: { y: 1 } }],
  [
    'prediction.y',
    'chat/completions',
    { messages: [hello], prediction: { type: 'content', content: 'x', y: 1 } },
  ],
  ['reasoning.y', 'responses', { input: 'Hi', max_tokens: undefined, reasoning: { y: 1 } }],
  [
    'text.format.y',
    'responses',
    { input: 'Hi', max_tokens: undefined, text: { format: { type: 'text', y: 1 } } },
  ],
  ['input[0].y', 'responses', { input: [{ ...hello, y: 1 }], max_tokens: undefined }],
  [
    'input[0].content[0].y',
    'responses',
    { input: [{ role: 'user', content: [{ type: 'input_text', text: 'Hi', y: 1 }] }], max_tokens: undefined },
  ],
  [
    'tools[0].y',
    'responses',
    { input: 'Hi', max_tokens: undefined, tools: [{ type: 'function', ...weather, y: 1 }] },
  ],
  ['messages[0].y', 'messages', { messages: [{ ...hello, y: 1 }] }],
  [
    'messages[0].content[0].y',
    'messages',
    { messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi', y: 1 }] }] },
  ],
  [
    'tools[0].y',
    'messages',
    { messages: [hello], tools: [{ name: 'a', input_schema: { type: 'object' }, y: 1 }] },
  ],
  ['output_config.y', 'messages', { messages: [hello], output_config: { y: 1 } }],
]

it.each(unknown)('the ignored field %s of %s is named, and refused when strict', async (path, at, body) => {
  const answer = await post(server, `/v1/${at}`, body)
  expect([answer.status, answer.headers.get('x-ignored-params')]).toEqual([200, path])
  await answer.text()
  const refusal = await post(strict, `/v1/${at}`, body)
  const { error } = (await refusal.json()) as { error: { message: string } }
  expect([refusal.status, error.message]).toEqual([
    400,
    `Unrecognized request argument supplied: ${JSON.stringify(path)}`,
  ])
})

it('a header names one of many ignored fields, and no more than it can hold', async () => {
  const foo = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`${'x'.repeat(90)}${index}`, 1]))
  const messages = Array.from({ length: 20 }, () => ({ ...hello, content: '', a: 1, ...foo }))
  const answer = await post(server, '/v1/chat/completions', { messages: [...messages, hello], n: 1 })
  const named = answer.headers.get('x-ignored-params')?.split(', ') ?? []
  expect([named[0], named.length]).toEqual(['messages[0].a', 32])
  expect(Math.max(...named.map((one) => one.length))).toBeLessThanOrEqual(64)
})

it('fields of chat answers are accepted when clients send them back, in strict mode too', async () => {
  const call = { id: 'a', type: 'function', index: 0, function: { name: 'weather', arguments: '{}' } }
  const messages = [
    { ...hello, name: 'Jo' },
    {
      role: 'assistant',
      content: null,
      refusal: null,
      annotations: [],
      audio: null,
      function_call: null,
      parsed: null,
      reasoning_content: 'Hm',
      reasoning: 'Hm',
      reasoning_details: [],
      tool_calls: [{ ...call, function: { ...call.function, parsed_arguments: {} } }],
    },
    { role: 'tool', tool_call_id: 'a', content: [{ type: 'text', text: 'Sun' }], name: 'weather' },
    { role: 'assistant', content: [{ type: 'refusal', refusal: 'No' }], refusal: 'No' },
    hello,
  ]
  const body = {
    messages,
    tools: [{ ...tool, function: { ...weather, description: 'x', strict: false } }],
    response_format: {
      type: 'json_schema',
      json_schema: { name: 'a', description: 'b', strict: true, schema: {} },
    },
    stream: true,
    stream_options: { include_usage: true, include_obfuscation: false },
    logit_bias: { 5: 1 },
    chat_template_kwargs: { enable_thinking: false },
  }
  const answer = await post(strict, '/v1/chat/completions', body)
  expect([answer.status, answer.headers.get('x-ignored-params')]).toEqual([200, null])
  await answer.text()
})

it('fields of responses and messages are accepted when clients send them back', async () => {
  const call = {
    type: 'function_call',
    id: 'fc_1',
    call_id: 'a',
    name: 'weather',
    arguments: '{}',
    status: 'completed',
  }
  const said = { type: 'output_text', text: 'Sun', annotations: [], logprobs: [] }
  const input = [
    { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hi' }] },
    {
      type: 'reasoning',
      id: 'rs_1',
      summary: [],
      content: [{ type: 'reasoning_text', text: 'Hm' }],
      encrypted_content: null,
    },
    call,
    { type: 'function_call_output', call_id: 'a', output: 'Sun', id: 'o', status: 'completed' },
    {
      type: 'message',
      id: 'msg_1',
      role: 'assistant',
      status: 'completed',
      phase: 'final_answer',
      content: [said],
    },
    hello,
  ]
  const grammar = { type: 'grammar', syntax: 'lark', definition: 'start: "a"' }
  const tools = [
    {
      type: 'function',
      description: 'x',
      strict: true,
      ...weather,
      parameters: { ...weather.parameters, 'x-own': undefined },
    },
    { type: 'custom', name: 'patch', description: 'x', format: grammar },
    { type: 'web_search', search_context_size: 'low', user_location: { type: 'approximate' } },
  ]
  const response = await post(strict, '/v1/responses', {
    input,
    tools,
    max_tokens: undefined,
    max_output_tokens: 2,
  })
  expect([response.status, response.headers.get('x-ignored-params')]).toEqual([
    200,
    'tools.custom.format, tools.web_search',
  ])
  const messages = [
    hello,
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'Hm', signature: 's' },
        { type: 'text', text: 'Sun', citations: null },
        { type: 'tool_use', id: 'a', name: 'weather', input: {}, caller: { type: 'direct' } },
      ],
    },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content: 'Sun', is_error: false }] },
  ]
  const message = await post(strict, '/v1/messages', { messages, metadata: { user_id: 'u' } })
  expect([message.status, message.headers.get('x-ignored-params')]).toEqual([200, 'metadata'])
})

it('cache hints of Anthropic are named as ignored, and not refused', async () => {
  const cache = { cache_control: { type: 'ephemeral' } }
  const messages = [{ role: 'user', content: [{ type: 'text', text: 'Hi', ...cache }], ...cache }]
  const answer = await post(strict, '/v1/chat/completions', { messages, tools: [{ ...tool, ...cache }] })
  expect(answer.status).toBe(200)
  expect(answer.headers.get('x-ignored-params')?.split(', ').sort()).toEqual([
    'messages[0].cache_control',
    'messages[0].content[0].cache_control',
    'tools[0].cache_control',
  ])
})
