import Anthropic, { type APIError, BadRequestError, NotFoundError } from '@anthropic-ai/sdk'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type NamedEvent, namedEvents, postJson } from '../support/http.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
let client: Anthropic
const model = 'altiplano-demo'

beforeAll(async () => {
  server = await startServer([
    '--slots',
    '2',
    '--max-queue',
    '0',
    '--context-size',
    '1024',
    '--served-model-name',
    model,
  ])
  client = new Anthropic({ baseURL: server.url, apiKey: 'none', maxRetries: 0 })
})
afterAll(() => server.stop())

/** Their newest models take no temperature, so their types have none. */
type Params = Anthropic.MessageCreateParamsNonStreaming & { temperature?: number }

const weather: Anthropic.Tool = {
  name: 'get_weather',
  description: 'Get the current weather of a city',
  input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
}
const ask = (content: string): Anthropic.MessageParam[] => [{ role: 'user', content }]
const request = (messages: Anthropic.MessageParam[], more: Partial<Params> = {}): Params => ({
  model,
  messages,
  max_tokens: 200,
  temperature: 0,
  ...more,
})
const inParis = request(ask('What is the weather in Paris?'), { tools: [weather] })
const thoughtful = request(ask('What is 2+2?'), { thinking: { type: 'enabled', budget_tokens: 1024 } })

const post = (body: object, path = '/v1/messages'): Promise<Response> => postJson(server.url + path, body)
const rawEvents = async (body: object): Promise<NamedEvent[]> =>
  namedEvents(await post({ ...body, stream: true }))

describe('a message', () => {
  it('a message has an answer and its usage', async () => {
    const message = await client.messages.create(request(ask('What is 2+2?')))
    expect(message).toMatchObject({ type: 'message', role: 'assistant', model, stop_reason: 'end_turn' })
    expect(message.id).toMatch(/^msg_[0-9a-f]{24}$/)
    expect(message.content).toEqual([{ type: 'text', text: expect.stringContaining('4') }])
    expect(message.usage.output_tokens).toBeGreaterThan(1)
    expect(message._request_id).toMatch(/^[\w-]{36}$/)
  })

  it('a streamed message is the same as one in a single piece', async () => {
    for (const body of [request(ask('Hello')), inParis, thoughtful]) {
      const whole = await client.messages.create(body)
      const streamed = await client.messages.stream(body).finalMessage()
      const comparable = ({ content, stop_reason, usage }: Anthropic.Message) => ({
        content: content.map((block) => (block.type === 'tool_use' ? { ...block, id: '' } : block)),
        stop_reason,
        input: usage.input_tokens + (usage.cache_read_input_tokens ?? 0),
        output: usage.output_tokens,
      })
      expect(comparable(streamed)).toEqual(comparable(whole))
    }
  })

  it('a message counts cached tokens apart, from the first event on', async () => {
    const body = request(ask('Please tell me about the capital of Norway, and about its harbour.'), {
      max_tokens: 1,
    })
    const first = await client.messages.create(body)
    const [start] = await rawEvents(body)
    const { usage } = (start?.['message'] ?? {}) as Anthropic.Message
    const total = first.usage.input_tokens + (first.usage.cache_read_input_tokens ?? 0)
    expect(usage.cache_read_input_tokens).toBe(total - 1)
    expect(usage.input_tokens).toBe(1)
    expect((await client.messages.countTokens({ model, messages: body.messages })).input_tokens).toBe(total)
  })

  it('a message ends at a stop sequence, the limit or the context', async () => {
    const text = (await client.messages.create(request(ask('Hello')))).content[0]
    const stop = text?.type === 'text' ? text.text.slice(3, 6) : ''
    const stopped = await client.messages.create(request(ask('Hello'), { stop_sequences: ['never', stop] }))
    expect([stopped.stop_reason, stopped.stop_sequence]).toEqual(['stop_sequence', stop])
    const cut = await client.messages.create(request(ask('Hello'), { max_tokens: 2 }))
    expect([cut.stop_reason, cut.usage.output_tokens]).toEqual(['max_tokens', 2])
    const endless = { ...request(ask('Hello'), { max_tokens: 20_000 }), ignore_eos: true }
    const full = await client.messages.create(endless)
    expect(full.stop_reason).toBe('model_context_window_exceeded')
  })

  it('a message takes its system prompt as text and as blocks', async () => {
    const count = async (system: Params['system']) =>
      (await client.messages.countTokens({ model, messages: ask('Hi'), ...(system && { system }) }))
        .input_tokens
    const one = await count('Be brief.\nBe kind.')
    const blocks = ['Be brief.', 'Be kind.'].map((text) => ({ type: 'text' as const, text }))
    expect(await count(blocks)).toBe(one)
    expect(one).toBeGreaterThan(await count(undefined))
  })

  it('a Claude Code session reuses its cached prefix, though a new line begins each system prompt', async () => {
    const session = (cch: string): Params =>
      request(ask('Hello'), {
        max_tokens: 1,
        system: [
          { type: 'text', text: `x-anthropic-billing-header: cc_version=2.1.0.a1; cch=${cch};` },
          {
            type: 'text',
            text: 'You are an agent in a terminal, and you keep your answers short.',
            cache_control: { type: 'ephemeral' },
          },
        ],
      })
    const { usage } = await client.messages.create(session('a0b1c'))
    const again = await client.messages.create(session('ffe42'))
    const total = usage.input_tokens + (usage.cache_read_input_tokens ?? 0)
    expect(again.usage.cache_read_input_tokens).toBe(total - 1)
  })

  it('a message follows a schema', async () => {
    const schema = {
      type: 'object',
      properties: { a: { type: 'integer' } },
      required: ['a'],
      additionalProperties: false,
    }
    const format = { type: 'json_schema' as const, schema }
    const message = await client.messages.parse(request(ask('What is 2+2?'), { output_config: { format } }))
    expect(message.parsed_output).toEqual({ a: expect.any(Number) })
  })
})

describe('tools', () => {
  it('tools are called, their results sent back, and the answer uses them', async () => {
    const call = await client.messages.create(inParis)
    expect(call.stop_reason).toBe('tool_use')
    const [block] = call.content
    expect(block).toEqual({
      type: 'tool_use',
      id: expect.stringMatching(/^toolu_[0-9a-f]{24}$/),
      name: 'get_weather',
      input: { city: 'Paris' },
      caller: { type: 'direct' },
    })
    if (block?.type !== 'tool_use') return
    const result: Anthropic.ToolResultBlockParam = {
      type: 'tool_result',
      tool_use_id: block.id,
      content: [{ type: 'text', text: '{"temperature": 21, "condition": "sunny"}' }],
    }
    const answer = await client.messages.create({
      ...inParis,
      messages: [
        ...inParis.messages,
        { role: 'assistant', content: call.content },
        { role: 'user', content: [result] },
      ],
    })
    expect(answer.stop_reason).toBe('end_turn')
    expect(answer.content).toEqual([{ type: 'text', text: expect.stringContaining('21') }])
  })

  it('tools are not called with tool_choice none, and only once without parallel use', async () => {
    const none = await client.messages.create({ ...inParis, tool_choice: { type: 'none' } })
    expect(none.content.some(({ type }) => type === 'tool_use')).toBe(false)
    const both = { ...inParis, messages: ask('What is the weather in Paris and in Berlin?') }
    expect((await client.messages.create(both)).content).toHaveLength(2)
    const single = { type: 'auto' as const, disable_parallel_tool_use: true }
    expect((await client.messages.create({ ...both, tool_choice: single })).content).toHaveLength(1)
  })

  it.each([{ type: 'any' as const }, { type: 'tool' as const, name: 'get_weather' }])(
    'tools are always called with tool_choice $type',
    async (choice) => {
      const said = await client.messages.create({ ...inParis, messages: ask('Hello!'), tool_choice: choice })
      expect(said.stop_reason).toBe('tool_use')
      expect(said.content[0]).toMatchObject({
        type: 'tool_use',
        name: 'get_weather',
        input: expect.anything(),
      })
    },
  )

  it('toolRunner runs tools until the final answer', async () => {
    const ran: unknown[] = []
    const tool = {
      ...weather,
      parse: (input: unknown) => input,
      run: (input: unknown) => {
        ran.push(input)
        return '{"temperature": 21, "condition": "sunny"}'
      },
    }
    const final = await client.beta.messages.toolRunner({ ...inParis, tools: [tool] })
    expect(ran).toEqual([{ city: 'Paris' }])
    expect(final.stop_reason).toBe('end_turn')
  })
})

describe('thoughts', () => {
  it('thoughts are blocks of their own when requested, and may be sent back', async () => {
    const message = await client.messages.create(thoughtful)
    expect(message.content.map(({ type }) => type)).toEqual(['thinking', 'text'])
    const thought = message.usage.output_tokens_details?.thinking_tokens ?? 0
    expect(thought).toBeGreaterThan(10)
    const short = await client.messages.create({
      ...thoughtful,
      thinking: { type: 'enabled', budget_tokens: 3 },
    })
    expect(short.content.map(({ type }) => type)).toEqual(['thinking', 'text'])
    expect(short.usage.output_tokens_details?.thinking_tokens).toBeLessThan(9)
    const plain = await client.messages.create(request(ask('What is 2+2?')))
    expect(plain.content.map(({ type }) => type)).toEqual(['text'])
    const next = [
      ...thoughtful.messages,
      { role: 'assistant' as const, content: message.content },
      ...ask('And 3+3?'),
    ]
    const after = await client.messages.create({ ...thoughtful, messages: next })
    expect(after.stop_reason).toBe('end_turn')
  })
})

describe('events', () => {
  const delta = (index: number, type: string) => ['content_block_delta', index, type]
  /** Names, indices and types, with repeated deltas once. */
  const outline = (events: readonly NamedEvent[]): unknown[] => {
    const lines = events.map((event) => {
      const inner = (event['delta'] ?? event['content_block']) as { type?: string } | undefined
      return [event.type, event['index'], inner?.type].filter((part) => part !== undefined)
    })
    return lines.filter((line, at) => JSON.stringify(line) !== JSON.stringify(lines[at - 1]))
  }
  const start = [['message_start'], ['ping']]
  const stopEvents = [['message_delta'], ['message_stop']]

  it.each([
    {
      of: 'a text',
      body: request(ask('Hello')),
      blocks: [['content_block_start', 0, 'text'], delta(0, 'text_delta'), ['content_block_stop', 0]],
    },
    {
      of: 'a thought and a text',
      body: thoughtful,
      blocks: [
        ['content_block_start', 0, 'thinking'],
        delta(0, 'thinking_delta'),
        delta(0, 'signature_delta'),
        ['content_block_stop', 0],
        ['content_block_start', 1, 'text'],
        delta(1, 'text_delta'),
        ['content_block_stop', 1],
      ],
    },
    {
      of: 'two calls',
      body: { ...inParis, messages: ask('What is the weather in Paris and in Berlin?') },
      blocks: [0, 1].flatMap((index) => [
        ['content_block_start', index, 'tool_use'],
        delta(index, 'input_json_delta'),
        ['content_block_stop', index],
      ]),
    },
  ])('the stream events of $of are in order', async ({ body, blocks }) => {
    expect(outline(await rawEvents(body))).toEqual([...start, ...blocks, ...stopEvents])
  })

  it('the stream events of an empty answer are the first and the last ones', async () => {
    const [block] = (await client.messages.create(request(ask('Hello')))).content
    const stop = block?.type === 'text' ? block.text.slice(0, 2) : ''
    const body = request(ask('Hello'), { stop_sequences: [stop] })
    expect(outline(await rawEvents(body))).toEqual([...start, ...stopEvents])
    expect((await client.messages.stream(body).finalMessage()).content).toEqual([])
  })
})

describe('errors', () => {
  const failure = (type: string) => ({
    type: 'error',
    error: { type, message: expect.any(String) },
    request_id: expect.any(String),
  })

  it.each([
    { name: 'no messages', body: { model, max_tokens: 1 }, says: "'messages'" },
    { name: 'no max_tokens', body: { model, messages: ask('Hi') }, says: "'max_tokens'" },
    { name: 'an empty message', body: request(ask('')), says: 'empty' },
    {
      name: 'an image',
      body: request([
        {
          role: 'user',
          content: [{ type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } }],
        },
      ]),
      says: 'messages[0].content[0].type',
    },
    {
      name: 'a result without a call',
      body: request([{ role: 'user', content: [{ type: 'tool_result', tool_use_id: 'x' }] }]),
      says: 'tool_use_id',
    },
    {
      name: 'a text before a result',
      body: request([
        ...ask('Hi'),
        { role: 'assistant', content: [{ type: 'tool_use', id: 'x', name: 'f', input: {} }] },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Hi' },
            { type: 'tool_result', tool_use_id: 'x' },
          ],
        },
      ]),
      says: 'before text',
    },
    {
      name: 'a tool of a server',
      body: { ...request(ask('Hi')), tools: [{ type: 'web_search_20250305', name: 'web_search' }] },
      says: 'tools[0].type',
    },
    {
      name: 'a bad name of a tool',
      body: request(ask('Hi'), { tools: [{ ...weather, name: 'a b' }] }),
      says: 'tools[0].name',
    },
    {
      name: 'a choice that is not offered',
      body: { ...inParis, tool_choice: { type: 'tool', name: 'f' } },
      says: "'tool_choice.name'",
    },
    {
      name: 'a schema without an end',
      body: {
        ...request(ask('Hi')),
        output_config: { format: { type: 'json_schema', schema: {} } },
        ignore_eos: true,
      },
      says: 'ignore_eos',
    },
    { name: 'a container', body: { ...request(ask('Hi')), container: 'x' }, says: "'container'" },
    {
      name: 'an empty stop sequence',
      body: request(ask('Hi'), { stop_sequences: [''] }),
      says: 'stop_sequences[0]',
    },
    {
      name: 'a schema that is none',
      body: { ...request(ask('Hi')), output_config: { format: { type: 'json_schema', schema: [] } } },
      says: 'output_config.format.schema',
    },
    { name: 'a long prompt', body: request(ask('a b c '.repeat(10_000))), says: 'prompt is too long' },
  ])('a request with $name is a bad request', async ({ body, says }) => {
    const error = await client.messages.create(body as Params).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(BadRequestError)
    expect((error as APIError).error).toEqual(failure('invalid_request_error'))
    expect((error as APIError).message).toContain(says)
  })

  it("errors have Anthropic's shape below its path, and nowhere else", async () => {
    await expect(client.messages.create({ ...inParis, model: 'nope' })).rejects.toBeInstanceOf(NotFoundError)
    const unknown = await post({}, '/v1/messages/nope')
    expect([unknown.status, await unknown.json()]).toEqual([404, failure('not_found_error')])
    const method = await fetch(`${server.url}/v1/messages`)
    expect([method.status, await method.json()]).toEqual([405, failure('invalid_request_error')])
    const unparsable = await postJson(`${server.url}/v1/messages`, '{')
    expect([unparsable.status, await unparsable.json()]).toEqual([400, failure('invalid_request_error')])
    const openai = await post({}, '/v1/chat/completions')
    expect(await openai.json()).toHaveProperty('error.code', 'missing_required_parameter')
  })

  it('errors of a full server are 529, with a time to retry', async () => {
    const long = { ...request(ask('Hello'), { max_tokens: 1500 }), ignore_eos: true, stream: true }
    const open = await Promise.all([post(long), post(long)])
    const error = await client.messages.create(inParis).catch((reason: unknown) => reason)
    for (const response of open) await response.body?.cancel()
    expect((error as APIError).status).toBe(529)
    expect((error as APIError).error).toEqual(failure('overloaded_error'))
    expect(Number((error as APIError).headers?.get('retry-after'))).toBeGreaterThan(0)
  })

  it('accepted fields without effect are named in a header', async () => {
    const answer = await post({
      ...thoughtful,
      metadata: { user_id: 'u' },
      context_management: { edits: [] },
      system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
      invented: 1,
      stop: 'a',
    })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('x-ignored-params')?.split(', ').sort()).toEqual([
      'cache_control',
      'context_management',
      'invented',
      'metadata',
      'stop',
    ])
  })
})
