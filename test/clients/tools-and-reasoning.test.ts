import OpenAI from 'openai'
import type { ChatCompletionMessageParam, ChatCompletionTool } from 'openai/resources/chat/completions'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
let client: OpenAI
let model: string

beforeAll(async () => {
  server = await startServer(['--slots', '2'])
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 })
  model = (await client.models.list()).data[0]?.id ?? ''
})
afterAll(() => server.stop())

const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const tools: ChatCompletionTool[] = [
  {
    type: 'function',
    function: { name: 'get_weather', description: 'Get the current weather of a city', parameters },
  },
]
const ask = (content: string): ChatCompletionMessageParam[] => [{ role: 'user', content }]
const inParis = ask('What is the weather in Paris?')
const inBoth = ask('What is the weather in Paris and in Berlin?')
const request = (messages: ChatCompletionMessageParam[], more: object = {}) => ({
  model,
  messages,
  tools,
  temperature: 0,
  ...more,
})
const thinking = { chat_template_kwargs: { enable_thinking: true } }

type Delta = OpenAI.ChatCompletionChunk.Choice.Delta & { reasoning_content?: string; reasoning?: string }

/** Deltas and reason of one choice, in order. */
async function stream(body: ReturnType<typeof request>): Promise<{ deltas: Delta[]; reason: string | null }> {
  const deltas: Delta[] = []
  let reason: string | null = null
  for await (const { choices } of await client.chat.completions.create({ ...body, stream: true })) {
    const choice = choices[0]
    if (choice === undefined) continue
    deltas.push(choice.delta)
    reason = choice.finish_reason ?? reason
  }
  return { deltas, reason }
}

describe('tool calls', () => {
  it('tool calls have ids, JSON text and their finish reason, and no content', async () => {
    const { choices } = await client.chat.completions.create(request(inParis))
    const [call] = choices[0]?.message.tool_calls ?? []
    expect(choices[0]?.finish_reason).toBe('tool_calls')
    expect(choices[0]?.message.content).toBeNull()
    expect(call).toEqual({
      id: expect.stringMatching(/^call_[0-9a-f]{24}$/),
      type: 'function',
      function: { name: 'get_weather', arguments: expect.any(String) },
    })
    const text = call?.type === 'function' ? call.function.arguments : ''
    expect(JSON.parse(text)).toEqual({ city: 'Paris' })
  })

  it('tool calls are streamed in the order that clients need', async () => {
    const { deltas, reason } = await stream(request(inBoth))
    expect(deltas[0]).toEqual({ role: 'assistant', content: '' })
    expect(deltas.at(-1)).toEqual({})
    expect(reason).toBe('tool_calls')
    const pieces = deltas.slice(1, -1).map((delta) => {
      expect(Object.keys(delta)).toEqual(['tool_calls'])
      expect(delta.tool_calls).toHaveLength(1)
      return delta.tool_calls?.[0]
    })
    // One call after the other: its head, then only pieces of its arguments.
    let open = -1
    for (const piece of pieces) {
      if (piece?.id === undefined) {
        expect(piece).toEqual({ index: open, function: { arguments: expect.stringMatching(/[\s\S]/) } })
      } else {
        open++
        expect(piece).toEqual({
          index: open,
          id: expect.stringMatching(/^call_/),
          type: 'function',
          function: { name: 'get_weather', arguments: '' },
        })
      }
    }
    expect(open).toBe(1)
    expect(new Set(pieces.flatMap((piece) => piece?.id ?? [])).size).toBe(2)
  })

  it('tool calls are the same in a stream and in one piece', async () => {
    const whole = await client.chat.completions.create(request(inBoth))
    const streamed = await client.chat.completions.stream(request(inBoth)).finalChatCompletion()
    const calls = (answer: OpenAI.ChatCompletion): unknown[] =>
      (answer.choices[0]?.message.tool_calls ?? []).map((call) =>
        call.type === 'function' ? [call.function.name, JSON.parse(call.function.arguments)] : undefined,
      )
    expect(calls(whole)).toHaveLength(2)
    expect(calls(streamed)).toEqual(calls(whole))
    expect(streamed.choices[0]?.finish_reason).toBe('tool_calls')
  })

  it.each([false, true])(
    'runTools() calls the function and answers from its result, stream %s',
    async (streamed) => {
      const asked: unknown[] = []
      const run = client.chat.completions.runTools({
        model,
        messages: inParis,
        temperature: 0,
        stream: streamed as false,
        tools: [
          {
            type: 'function',
            function: {
              name: 'get_weather',
              description: 'Get the current weather of a city',
              parameters,
              parse: JSON.parse,
              function: (args: object) => {
                asked.push(args)
                return '{"temperature": 21, "condition": "sunny"}'
              },
            },
          },
        ],
      })
      const content = await run.finalContent()
      expect(asked).toEqual([{ city: 'Paris' }])
      expect(run.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'assistant'])
      expect(content).toMatch(/21|sunny/)
    },
  )

  it('tool calls can be sent back with ids, reasoning and null content', async () => {
    const call = (id: string, city: string) => ({
      id,
      type: 'function' as const,
      function: { name: 'get_weather', arguments: JSON.stringify({ city }) },
    })
    const answer = await client.chat.completions.create(
      request([
        ...inBoth,
        {
          role: 'assistant',
          content: null,
          tool_calls: [call('call_a', 'Paris'), call('b', 'Berlin')],
          ...{ reasoning_content: 'I call get_weather.' },
        },
        { role: 'tool', tool_call_id: 'b', content: '{"temperature": 3}' },
        { role: 'tool', tool_call_id: 'call_a', content: [{ type: 'text', text: '{"temperature": 21}' }] },
      ]),
    )
    expect(answer.choices[0]?.message.content).toMatch(/\S/)
  })

  it('tool calls end after the first when they are not to be parallel', async () => {
    const { choices, usage } = await client.chat.completions.create(
      request(inBoth, { parallel_tool_calls: false }),
    )
    const both = await client.chat.completions.create(request(inBoth))
    expect(choices[0]?.message.tool_calls).toHaveLength(1)
    expect(choices[0]?.finish_reason).toBe('tool_calls')
    expect(usage?.completion_tokens).toBeLessThan(both.usage?.completion_tokens ?? 0)
  })

  it('tools are not offered when tool_choice is none', async () => {
    const none = await client.chat.completions.create(request(inParis, { tool_choice: 'none' }))
    const without = await client.chat.completions.create({ model, messages: inParis, temperature: 0 })
    expect(none.usage?.prompt_tokens).toBe(without.usage?.prompt_tokens)
    expect(none.choices[0]?.message.tool_calls).toBeUndefined()
  })

  it('tools are offered as far as allowed_tools lists them', async () => {
    const other = { type: 'function' as const, function: { name: 'other', parameters } }
    const entry = { type: 'function', function: { name: 'get_weather' } }
    const choice = { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [entry] } }
    const body = { tools: [...tools, other], tool_choice: choice }
    const some = await client.chat.completions.create(request(inParis, body))
    const one = await client.chat.completions.create(request(inParis))
    expect(some.usage?.prompt_tokens).toBe(one.usage?.prompt_tokens)
  })

  it('tool calls that max_tokens cuts have finish reason length', async () => {
    const { usage } = await client.chat.completions.create(request(inParis))
    const limit = (usage?.completion_tokens ?? 0) - 6
    const cut = await client.chat.completions.create(request(inParis, { max_tokens: limit }))
    expect(cut.choices[0]?.finish_reason).toBe('length')
    const [call] = cut.choices[0]?.message.tool_calls ?? []
    expect(call?.type === 'function' ? call.function.arguments : '').toMatch(/^\{/)
  })

  it('tools do not change an ordinary answer', async () => {
    const { deltas, reason } = await stream(request(ask('Hello')))
    const whole = await client.chat.completions.create(request(ask('Hello')))
    expect(reason).toBe('stop')
    expect(whole.choices[0]?.message.content).toMatch(/\S/)
    expect(deltas.map((delta) => delta.content ?? '').join('')).toBe(whole.choices[0]?.message.content)
    expect(whole.choices[0]?.message).not.toHaveProperty('tool_calls')
  })

  it('tool calls are not ended by a stop string in their arguments', async () => {
    const { choices } = await client.chat.completions.create(request(inParis, { stop: ['Paris', '{'] }))
    expect(choices[0]?.finish_reason).toBe('tool_calls')
  })

  it('a strict tool with a schema that cannot be honoured is refused, beside others that are not strict', async () => {
    const tool = (name: string, strict: boolean): OpenAI.ChatCompletionTool => ({
      type: 'function',
      function: { name, strict, parameters: { type: 'object', properties: { x: { not: {} } } } },
    })
    const ask = (first: boolean) =>
      client.chat.completions.create(
        request(inParis, { tools: [tool('a', first), tool('b', false)], max_tokens: 1 }),
      )
    await expect(ask(true)).rejects.toMatchObject({
      code: 'invalid_json_schema',
      param: 'tools[0].function.parameters.properties.x.not',
    })
    const { response } = await ask(false).withResponse()
    expect(response.headers.get('x-ignored-params')).toBeNull()
  })
})

describe('reasoning', () => {
  const sum = ask('What is 2+2?')
  type Message = OpenAI.ChatCompletionMessage & { reasoning_content?: string; reasoning?: string }

  it('reasoning is separate from the content, and counted', async () => {
    const { choices, usage } = await client.chat.completions.create(request(sum, { tools: [], ...thinking }))
    const message = choices[0]?.message as Message
    expect(message.reasoning_content).toMatch(/2/)
    expect(message.content).toMatch(/4/)
    expect(`${message.reasoning_content}${message.content}`).not.toMatch(/think>/)
    const counted = usage?.completion_tokens_details?.reasoning_tokens ?? 0
    expect(counted).toBeGreaterThan(3)
    expect(counted).toBeLessThan(usage?.completion_tokens ?? 0)
  })

  it('reasoning is streamed before the content, with the same text as in one piece', async () => {
    const body = request(sum, { tools: [], ...thinking })
    const whole = (await client.chat.completions.create(body)).choices[0]?.message as Message
    const { deltas } = await stream(body)
    expect(deltas.map((delta) => delta.reasoning_content ?? '').join('')).toBe(whole.reasoning_content)
    expect(deltas.map((delta) => delta.content ?? '').join('')).toBe(whole.content)
    const lastThought = deltas.findLastIndex((delta) => delta.reasoning_content !== undefined)
    const firstWord = deltas.findIndex((delta) => delta.content !== undefined && delta.content !== '')
    expect(lastThought).toBeLessThan(firstWord)
  })

  it('reasoning is reported under both of its names, streamed and not', async () => {
    const body = request(sum, { tools: [], ...thinking })
    const whole = (await client.chat.completions.create(body)).choices[0]?.message as Message
    expect(whole.reasoning).toMatch(/2/)
    expect(whole.reasoning).toBe(whole.reasoning_content)
    const { deltas } = await stream(body)
    for (const delta of deltas) expect(delta.reasoning).toBe(delta.reasoning_content)
    expect(deltas.map((delta) => delta.reasoning ?? '').join('')).toBe(whole.reasoning)
  })

  it("reasoning is requested in OpenRouter's way: effort, tokens, and whether at all", async () => {
    const asked = (reasoning: object, more: object = {}) =>
      client.chat.completions
        .create(request(ask('What is 17 + 25?'), { tools: [], reasoning, ...more }))
        .withResponse()
    const thought = async (reasoning: object, more: object = {}): Promise<string | undefined> =>
      ((await asked(reasoning, more)).data.choices[0]?.message as Message | undefined)?.reasoning
    const full = await thought({ effort: 'high' })
    expect(full).toMatch(/\S/)
    expect(await thought({ enabled: true })).toBe(full)
    expect(await thought({ enabled: false, effort: 'high' })).toBeUndefined()
    expect(await thought({ effort: 'none' })).toBeUndefined()
    expect(await thought({ effort: 'none' }, { reasoning_effort: 'low' })).toBe(full)
    const limited = await thought({ enabled: true, max_tokens: 6 })
    expect(limited).toBe(await thought({ enabled: true }, { thinking_token_budget: 6 }))
    expect(limited?.length).toBeLessThan((full?.length ?? 0) / 2)
    expect(await thought({ max_tokens: 0 })).toBeUndefined()
    const { response } = await asked({ effort: 'low', exclude: true, summary: 'auto' })
    expect(response.headers.get('x-ignored-params')).toBe('reasoning.exclude, reasoning.summary')
    await expect(asked({ effort: 'hard' })).rejects.toMatchObject({ status: 400, param: 'reasoning.effort' })
    await expect(asked({ max_tokens: 'x' })).rejects.toMatchObject({
      status: 400,
      param: 'reasoning.max_tokens',
    })
  })

  it('reasoning that max_tokens cuts stays reasoning', async () => {
    const body = request(sum, { tools: [], max_tokens: 4, ...thinking })
    const { choices, usage } = await client.chat.completions.create(body)
    const message = choices[0]?.message as Message
    expect(message.content).toBeNull()
    expect(message.reasoning_content).toMatch(/\S/)
    expect(choices[0]?.finish_reason).toBe('length')
    expect(usage?.completion_tokens_details?.reasoning_tokens).toBe(4)
  })

  it('reasoning comes before a call', async () => {
    const { choices } = await client.chat.completions.create(request(inParis, thinking))
    const message = choices[0]?.message as Message
    expect(message.reasoning_content).toMatch(/\S/)
    expect(message.tool_calls).toHaveLength(1)
  })

  it('reasoning is switched by chat_template_kwargs first, then by reasoning_effort', async () => {
    const has = async (more: object): Promise<boolean> => {
      const { choices } = await client.chat.completions.create(request(sum, { tools: [], ...more }))
      return choices[0]?.message !== undefined && 'reasoning_content' in choices[0].message
    }
    expect(await has({})).toBe(false)
    expect(await has({ reasoning_effort: 'low' })).toBe(true)
    expect(await has({ reasoning_effort: 'none' })).toBe(false)
    expect(await has({ reasoning_effort: 'none', ...thinking })).toBe(true)
  })

  it('reasoning ends cleanly with its budget, and the answer follows', async () => {
    const long = ask('What is 17 + 25?')
    const limited = { tools: [], thinking_token_budget: 6, ...thinking }
    const full = await client.chat.completions.create(request(long, { tools: [], ...thinking }))
    const { choices, usage } = await client.chat.completions.create(request(long, { ...limited, n: 2 }))
    const whole = (full.choices[0]?.message as Message | undefined)?.reasoning_content ?? ''
    const [message, other] = choices.map((choice) => choice.message as Message)
    expect(other).toEqual(message)
    const thought = message?.reasoning_content ?? ''
    expect(whole.startsWith(thought)).toBe(true)
    expect(thought.length).toBeLessThan(whole.length / 2)
    expect(message?.content).toMatch(/^\w/)
    expect(message?.content).not.toMatch(/think>/)
    expect(choices[0]?.finish_reason).toBe('stop')
    const counted = (usage?.completion_tokens_details?.reasoning_tokens ?? 0) / 2
    expect(counted).toBeGreaterThan(6)
    expect(counted).toBeLessThan(12)
    const { deltas } = await stream(request(long, limited))
    expect(deltas.map((delta) => delta.reasoning_content ?? '').join('')).toBe(thought)
    expect(deltas.map((delta) => delta.content ?? '').join('')).toBe(message?.content)
  })

  it('reasoning ends with its budget before a document, a forced call and max_tokens', async () => {
    const schema = { type: 'object', properties: { sum: { type: 'integer' } }, required: ['sum'] }
    const limited = { thinking_budget_tokens: 4, ...thinking }
    const format = { type: 'json_schema', json_schema: { name: 'sum', schema } }
    const document = await client.chat.completions.create(
      request(sum, { tools: [], response_format: format, ...limited }),
    )
    expect(JSON.parse(document.choices[0]?.message.content ?? '')).toEqual({ sum: expect.any(Number) })
    expect(document.usage?.completion_tokens_details?.reasoning_tokens).toBeLessThan(10)
    const call = await client.chat.completions.create(
      request(inParis, { tool_choice: 'required', ...limited }),
    )
    expect(call.choices[0]?.message.tool_calls).toHaveLength(1)
    expect(call.usage?.completion_tokens_details?.reasoning_tokens).toBeLessThan(10)
    const cut = await client.chat.completions.create(request(sum, { tools: [], max_tokens: 5, ...limited }))
    expect(cut.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: null } })
    expect(cut.usage?.completion_tokens).toBe(5)
  })

  it('reasoning is off with a budget of 0, and unlimited with -1', async () => {
    const message = async (budget: number): Promise<Message> => {
      const body = request(sum, {
        tools: [],
        reasoning_effort: budget < 0 ? 'low' : undefined,
        thinking_budget: budget,
      })
      return (await client.chat.completions.create(body)).choices[0]?.message as Message
    }
    expect(await message(0)).not.toHaveProperty('reasoning_content')
    expect((await message(-1)).reasoning_content).toMatch(/2/)
  })

  it('reasoning is not ended by a stop string in the thought', async () => {
    const body = request(sum, { tools: [], stop: ['.'], ...thinking })
    const message = (await client.chat.completions.create(body)).choices[0]?.message as Message
    expect(message.content).toMatch(/4$/)
  })

  it('a variable that the template does not read is named as ignored', async () => {
    const kwargs = { chat_template_kwargs: { thinking: true, enable_thinking: false } }
    const { response } = await client.chat.completions
      .create(request(sum, { max_tokens: 1, ...kwargs }))
      .withResponse()
    expect(response.headers.get('x-ignored-params')).toBe('chat_template_kwargs.thinking')
  })
})
