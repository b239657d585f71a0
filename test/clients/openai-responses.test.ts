import OpenAI, { BadRequestError } from 'openai'
import type { ResponseInput, ResponseStreamEvent, Tool } from 'openai/resources/responses/responses'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { namedEvents, postJson } from '../support/http.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
let client: OpenAI
const model = 'altiplano-demo'

beforeAll(async () => {
  server = await startServer(['--slots', '2', '--served-model-name', model])
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 })
})
afterAll(() => server.stop())

type Params = Omit<OpenAI.Responses.ResponseCreateParamsNonStreaming, 'stream'>

const weather: Tool = {
  type: 'function',
  name: 'get_weather',
  description: 'Get the current weather of a city',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  strict: null,
}
const ask = (input: Params['input'], more: Partial<Params> = {}): Params => ({
  model,
  input: input ?? '',
  temperature: 0,
  ...more,
})
const inParis = ask('What is the weather in Paris?', { tools: [weather] })
const inBoth = ask('What is the weather in Paris and in Berlin?', { tools: [weather] })
const thoughtful = ask('What is 2+2?', { reasoning: { effort: 'low' } })

const post = (body: object): Promise<Response> => postJson(`${server.url}/v1/responses`, body)
/** Events as they are on the wire; each is named as its type says. */
const rawEvents = async (body: object): Promise<ResponseStreamEvent[]> =>
  (await namedEvents(await post({ ...body, stream: true }))) as unknown as ResponseStreamEvent[]

describe('a response', () => {
  it('a response has an answer, its usage and the settings of its request', async () => {
    const response = await client.responses.create(ask('What is 2+2?', { metadata: { a: 'b' } }))
    expect(response.output_text).toContain('4')
    expect(response).toMatchObject({
      id: expect.stringMatching(/^resp_[0-9a-f]{32}$/),
      object: 'response',
      status: 'completed',
      model,
      error: null,
      incomplete_details: null,
      instructions: null,
      metadata: { a: 'b' },
      parallel_tool_calls: true,
      previous_response_id: null,
      store: false,
      temperature: 0,
      tool_choice: 'auto',
      tools: [],
      truncation: 'disabled',
      output: [{ type: 'message', role: 'assistant', status: 'completed' }],
    })
    const { usage } = response
    expect(usage?.total_tokens).toBe((usage?.input_tokens ?? 0) + (usage?.output_tokens ?? 0))
    expect(usage?.input_tokens_details.cached_tokens).toEqual(expect.any(Number))
    expect(usage?.output_tokens_details.reasoning_tokens).toBe(0)
  })

  it('a streamed response is the same as one in a single piece', async () => {
    for (const body of [ask('Hello'), inBoth, thoughtful]) {
      const whole = await client.responses.create(body)
      const streamed = await client.responses.stream(body).finalResponse()
      const plain = (value: unknown): unknown =>
        JSON.parse(
          JSON.stringify(value, (key, inner: unknown) =>
            ['id', 'call_id', 'parsed', 'parsed_arguments'].includes(key) ? undefined : inner,
          ),
        )
      expect(plain(streamed.output)).toEqual(plain(whole.output))
      expect(streamed.usage?.output_tokens).toBe(whole.usage?.output_tokens)
      expect(streamed.output_text).toBe(whole.output_text)
    }
  })

  it('a response is the same from text, from items, and with instructions', async () => {
    const count = async (body: object) =>
      (await client.responses.inputTokens.count({ model, ...body })).input_tokens
    const text = await count({ input: 'Hi', instructions: 'Be brief.' })
    const part = { type: 'input_text', text: 'Hi' }
    expect(await count({ input: [{ role: 'user', content: [part] }], instructions: 'Be brief.' })).toBe(text)
    const developer = { type: 'message', role: 'developer', content: 'Be brief.' }
    expect(await count({ input: [developer, { role: 'user', content: 'Hi' }] })).toBe(text)
    const { usage } = await client.responses.create(ask('Hi', { instructions: 'Be brief.' }))
    expect(usage?.input_tokens).toBe(text)
  })

  it('a response that was cut is incomplete, with the reason', async () => {
    const cut = await client.responses.create(ask('Hello', { max_output_tokens: 2 }))
    expect([cut.status, cut.incomplete_details?.reason, cut.usage?.output_tokens]).toEqual([
      'incomplete',
      'max_output_tokens',
      2,
    ])
    expect((await rawEvents(ask('Hello', { max_output_tokens: 2 }))).at(-1)?.type).toBe('response.incomplete')
  })

  it('a response has the log probabilities of its text', async () => {
    const body = ask('What is 2+2?', { include: ['message.output_text.logprobs'], top_logprobs: 2 })
    for (const response of [
      await client.responses.create(body),
      await client.responses.stream(body).finalResponse(),
    ]) {
      const part = response.output[0]?.type === 'message' ? response.output[0].content[0] : undefined
      const logprobs = (part?.type === 'output_text' && part.logprobs) || []
      expect(logprobs.map(({ token }) => token).join('')).toBe(response.output_text)
      expect(logprobs[0]?.top_logprobs).toHaveLength(2)
    }
  })

  it('a response follows a schema, and parse() reads it', async () => {
    const schema = {
      type: 'object',
      properties: { a: { type: 'integer' } },
      required: ['a'],
      additionalProperties: false,
    }
    const format = { type: 'json_schema' as const, name: 'answer', schema, strict: true }
    const response = await client.responses.parse(ask('What is 2+2?', { text: { format } }))
    expect(response.output_parsed).toEqual({ a: expect.any(Number) })
    expect(response.text?.format).toEqual(format)
  })
})

describe('tools', () => {
  it('tools of Responses are called, their results sent back, and the answer uses them', async () => {
    const called = await client.responses.create(inParis)
    const [call] = called.output
    expect(call).toEqual({
      id: expect.stringMatching(/^fc_/),
      type: 'function_call',
      call_id: expect.stringMatching(/^call_[0-9a-f]{24}$/),
      name: 'get_weather',
      arguments: expect.any(String),
      status: 'completed',
    })
    if (call?.type !== 'function_call') return
    expect(JSON.parse(call.arguments)).toEqual({ city: 'Paris' })
    const input: ResponseInput = [
      { role: 'user', content: String(inParis.input) },
      ...called.output.filter((item) => item.type === 'function_call'),
      {
        type: 'function_call_output',
        call_id: call.call_id,
        output: '{"temperature": 21, "condition": "sunny"}',
      },
    ]
    const answer = await client.responses.create({ ...inParis, input })
    expect(answer.output_text).toContain('21')
  })

  it('tools of Responses are not called with tool_choice none, and once without parallel calls', async () => {
    const none = await client.responses.create({ ...inParis, tool_choice: 'none' })
    expect(none.output.some(({ type }) => type === 'function_call')).toBe(false)
    expect((await client.responses.create(inBoth)).output).toHaveLength(2)
    expect((await client.responses.create({ ...inBoth, parallel_tool_calls: false })).output).toHaveLength(1)
  })

  it.each(['required' as const, { type: 'function' as const, name: 'get_weather' }])(
    'tools of Responses are always called with tool_choice %j',
    async (choice) => {
      const said = await client.responses.create({ ...inParis, input: 'Hello!', tool_choice: choice })
      expect(said.output[0]).toMatchObject({ type: 'function_call', name: 'get_weather' })
    },
  )

  it('custom tools of Responses are called with a text', async () => {
    const custom: Tool = { type: 'custom', name: 'get_weather', description: 'Get the weather of a city' }
    const called = await client.responses.create({ ...inParis, tools: [custom] })
    const [call] = called.output
    expect(call).toEqual({
      id: expect.stringMatching(/^ctc_/),
      type: 'custom_tool_call',
      call_id: expect.stringMatching(/^call_/),
      name: 'get_weather',
      input: expect.stringContaining('Paris'),
    })
    const streamed = await client.responses.stream({ ...inParis, tools: [custom] }).finalResponse()
    expect(streamed.output[0]).toMatchObject({
      type: 'custom_tool_call',
      input: expect.stringContaining('Paris'),
    })
  })
})

describe('a request of Codex', () => {
  const codex = {
    model,
    instructions: 'You are a coding agent.',
    input: [
      { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'Sandbox: read-only.' }] },
      {
        type: 'message',
        role: 'user',
        content: [{ type: 'input_text', text: 'What is the weather in Paris?' }],
      },
      { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'sealed' },
      { type: 'custom_tool_call', call_id: 'call_1', name: 'apply_patch', input: '*** Begin Patch' },
      { type: 'custom_tool_call_output', call_id: 'call_1', output: 'Done' },
      {
        type: 'message',
        role: 'user',
        content: [{ type: 'input_text', text: 'What is the weather in Paris?' }],
      },
    ],
    tools: [
      weather,
      {
        type: 'custom',
        name: 'apply_patch',
        description: 'Edits files',
        format: { type: 'grammar', syntax: 'lark', definition: 'start: "a"' },
      },
      { type: 'web_search', external_web_access: false },
      { type: 'local_shell' },
    ],
    tool_choice: 'auto',
    parallel_tool_calls: false,
    reasoning: { effort: 'low', summary: 'auto' },
    store: false,
    stream: true,
    include: ['reasoning.encrypted_content'],
    prompt_cache_key: 'a',
    text: { verbosity: 'low' },
    client_metadata: { a: 'b' },
  }

  it('a request of Codex is served, and its fields without effect are named', async () => {
    const answer = await post(codex)
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
    expect(answer.headers.get('x-ignored-params')?.split(', ').sort()).toEqual([
      'client_metadata',
      'include',
      'prompt_cache_key',
      'reasoning.summary',
      'text.verbosity',
      'tools.custom.format',
      'tools.local_shell',
      'tools.web_search',
    ])
    const text = await answer.text()
    expect(text).toContain('event: response.output_item.done')
    expect(text).toContain('event: response.completed')
  })
})

describe('events', () => {
  /** Types, with what they are about; repeated deltas once. */
  const outline = (events: readonly ResponseStreamEvent[]): string[] => {
    const lines = events.map((event) => {
      const at = 'output_index' in event ? ` ${event.output_index}` : ''
      const item = 'item' in event ? ` ${event.item.type}` : ''
      return event.type.replace('response.', '') + at + item
    })
    return lines.filter((line, index) => line !== lines[index - 1])
  }
  const item = (at: number, type: string, inner: string[]): string[] => [
    `output_item.added ${at} ${type}`,
    ...inner.map((name) => `${name} ${at}`),
    `output_item.done ${at} ${type}`,
  ]
  const textItem = (at: number, type: string, kind: string): string[] =>
    item(at, type, ['content_part.added', `${kind}.delta`, `${kind}.done`, 'content_part.done'])
  const callItem = (at: number): string[] =>
    item(at, 'function_call', ['function_call_arguments.delta', 'function_call_arguments.done'])

  it.each([
    { of: 'a text', body: ask('Hello'), items: textItem(0, 'message', 'output_text') },
    {
      of: 'a thought and a text',
      body: thoughtful,
      items: [...textItem(0, 'reasoning', 'reasoning_text'), ...textItem(1, 'message', 'output_text')],
    },
    { of: 'two calls', body: inBoth, items: [...callItem(0), ...callItem(1)] },
  ])('the events of $of are in order, with one id an item', async ({ body, items }) => {
    const events = await rawEvents(body)
    expect(outline(events)).toEqual(['created', 'in_progress', ...items, 'completed'])
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, index) => index))
    const ids = new Map<number, Set<string>>()
    for (const event of events) {
      if (!('output_index' in event)) continue
      const id = 'item_id' in event ? event.item_id : 'item' in event ? event.item.id : undefined
      ids.set(event.output_index, (ids.get(event.output_index) ?? new Set()).add(id ?? 'none'))
    }
    expect([...ids.values()].map(({ size }) => size)).toEqual([...ids].map(() => 1))
    const last = events.at(-1)
    const done = events.flatMap((event) => (event.type === 'response.output_item.done' ? [event.item] : []))
    expect(last?.type === 'response.completed' && last.response.output).toEqual(done)
  })
})

it("all of OpenAI's include values are accepted, and those without effect are named", async () => {
  // The compiler holds it to the library: each of its names, and no other.
  const all: Record<OpenAI.Responses.ResponseIncludable, true> = {
    'code_interpreter_call.outputs': true,
    'computer_call_output.output.image_url': true,
    'file_search_call.results': true,
    'message.input_image.image_url': true,
    'message.output_text.logprobs': true,
    'reasoning.encrypted_content': true,
    'web_search_call.action.sources': true,
    'web_search_call.results': true,
  }
  for (const what of Object.keys(all)) {
    const body = { model, input: 'Hi', include: [what], max_output_tokens: 1 }
    const answer = await post(body)
    const ignored = answer.headers.get('x-ignored-params')
    expect([what, answer.status, ignored]).toEqual([what, 200, what.endsWith('logprobs') ? null : 'include'])
  }
})

describe('refused requests', () => {
  it.each([
    { name: 'an empty input', body: { input: '' }, param: 'input', code: 'invalid_value' },
    {
      name: 'a long input',
      body: { input: 'a b c '.repeat(10_000) },
      param: 'input',
      code: 'context_length_exceeded',
    },
    { name: 'no input', body: {}, param: 'input', code: 'missing_required_parameter' },
    { name: 'no items', body: { input: [] }, param: 'input', code: 'empty_array' },
    {
      name: 'a former response',
      body: { input: 'Hi', previous_response_id: 'resp_1' },
      param: 'previous_response_id',
    },
    { name: 'a conversation', body: { input: 'Hi', conversation: 'conv_1' }, param: 'conversation' },
    { name: 'the background', body: { input: 'Hi', background: true }, param: 'background' },
    {
      name: 'what nobody can include',
      body: { input: 'Hi', include: ['reasoning.encrypted_content', 'foo'] },
      param: 'include[1]',
      code: 'invalid_value',
    },
    {
      name: 'something to include that is no text',
      body: { input: 'Hi', include: [1] },
      param: 'include[0]',
      code: 'invalid_type',
    },
    { name: 'a kept prompt', body: { input: 'Hi', prompt: { id: 'pmpt_1' } }, param: 'prompt' },
    {
      name: 'a reference',
      body: { input: [{ type: 'item_reference', id: 'msg_1' }] },
      param: 'input[0].type',
    },
    {
      name: 'an image',
      body: { input: [{ role: 'user', content: [{ type: 'input_image', image_url: 'x' }] }] },
      param: 'input[0].content[0].type',
      code: 'unsupported_content',
    },
    {
      name: 'an output without a call',
      body: { input: [{ type: 'function_call_output', call_id: 'x', output: '' }] },
      param: 'input[0].call_id',
      code: 'invalid_value',
    },
    {
      name: 'a bad effort',
      body: { input: 'Hi', reasoning: { effort: 'huge' } },
      param: 'reasoning.effort',
      code: 'invalid_value',
    },
    {
      name: 'a bad name of a tool',
      body: { input: 'Hi', tools: [{ ...weather, name: 'a b' }] },
      param: 'tools[0].name',
      code: 'invalid_value',
    },
    {
      name: 'a choice that is not offered',
      body: { input: 'Hi', tools: [weather], tool_choice: { type: 'function', name: 'f' } },
      param: 'tool_choice.name',
      code: 'invalid_value',
    },
    {
      name: 'a format without a name',
      body: { input: 'Hi', text: { format: { type: 'json_schema', schema: {} } } },
      param: 'text.format.name',
      code: 'missing_required_parameter',
    },
  ])('a response is refused for $name', async ({ body, param, code = 'unsupported_parameter' }) => {
    const error = await client.responses
      .create({ model, ...body } as Params)
      .catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(BadRequestError)
    expect(error).toMatchObject({ param, code })
  })
})
