import { Ajv2020 } from 'ajv/dist/2020.js'
import OpenAI from 'openai'
import type { ChatCompletionCreateParamsNonStreaming, ChatCompletionTool } from 'openai/resources'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
let client: OpenAI
beforeAll(async () => {
  server = await startServer(['--slots', '2'])
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 })
})
afterAll(() => server.stop())

const tool = (name: string, properties: object, more: object = {}): ChatCompletionTool => ({
  type: 'function',
  function: {
    name,
    parameters: {
      type: 'object',
      properties,
      required: Object.keys(properties),
      additionalProperties: false,
      ...more,
    },
  },
})
const weather = tool('get_weather', { city: { type: 'string', maxLength: 20 } })
const order = tool('place_order', {
  size: { enum: ['small', 'large'] },
  count: { type: 'integer', minimum: 1, maximum: 9 },
  extras: { type: 'array', items: { enum: ['milk', 'sugar'] }, maxItems: 2 },
})
const base: ChatCompletionCreateParamsNonStreaming = {
  model: 'altiplano-demo',
  messages: [{ role: 'user', content: 'Hello! How are you?' }],
  tools: [weather, order],
  max_tokens: 200,
}
type Body = Partial<ChatCompletionCreateParamsNonStreaming> & Record<string, unknown>

async function ask(body: Body): Promise<OpenAI.ChatCompletion.Choice> {
  const { choices } = await client.chat.completions.create({ ...base, ...body })
  return choices[0] as OpenAI.ChatCompletion.Choice
}

/** Names of the calls, whose arguments are what their tool wants. */
function namesOf({ message }: OpenAI.ChatCompletion.Choice): string[] {
  const ajv = new Ajv2020()
  return (message.tool_calls ?? []).map((call) => {
    if (call.type !== 'function') throw new Error('no function')
    const { name, arguments: text } = call.function
    const used = [weather, order].find((one) => one.type === 'function' && one.function.name === name)
    if (used?.type !== 'function') throw new Error(`there is no tool ${name}`)
    const validate = ajv.compile(used.function.parameters ?? {})
    expect([text, validate(JSON.parse(text))]).toEqual([text, true])
    return name
  })
}

const named = (name: string): OpenAI.ChatCompletionNamedToolChoice => ({
  type: 'function',
  function: { name },
})

describe('tool_choice', () => {
  it.each([0, 1, 2, 3, 4])('tool_choice required forces a call (seed %i)', async (seed) => {
    const choice = await ask({ tool_choice: 'required', seed, temperature: 1.5 })
    expect(namesOf(choice).length).toBeGreaterThan(0)
    expect([choice.finish_reason, choice.message.content]).toEqual(['tool_calls', null])
  })

  it.each(['get_weather', 'place_order'])('tool_choice with a name forces one call of %s', async (name) => {
    for (const seed of [1, 2, 3]) {
      const choice = await ask({ tool_choice: named(name), seed, temperature: 1.5 })
      expect(namesOf(choice)).toEqual([name])
      expect(choice.finish_reason).toBe('tool_calls')
    }
  })

  it('allowed_tools in mode required makes the answer a call of one of them', async () => {
    const choice = await ask({
      tool_choice: {
        type: 'allowed_tools',
        allowed_tools: { mode: 'required', tools: [named('place_order') as never] },
      },
    })
    expect(new Set(namesOf(choice))).toEqual(new Set(['place_order']))
  })

  it('parallel_tool_calls false limits the answer to one call', async () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const choice = await ask({ tool_choice: 'required', parallel_tool_calls: false, seed, temperature: 2 })
      expect(namesOf(choice)).toHaveLength(1)
    }
  })

  it('a forced call comes after the thought of a thinking model', async () => {
    const choice = await ask({
      tool_choice: named('get_weather'),
      enable_thinking: true,
      chat_template_kwargs: { enable_thinking: true },
    })
    expect(namesOf(choice)).toEqual(['get_weather'])
    expect((choice.message as { reasoning_content?: string }).reasoning_content).not.toBe('')
    expect(choice.finish_reason).toBe('tool_calls')
  })

  it('a forced call is streamed', async () => {
    const stream = client.chat.completions.stream({
      ...base,
      stream: true,
      tool_choice: named('place_order'),
    })
    const { choices } = await stream.finalChatCompletion()
    expect(namesOf(choices[0] as OpenAI.ChatCompletion.Choice)).toEqual(['place_order'])
    expect(choices[0]?.finish_reason).toBe('tool_calls')
  })

  it.each([
    ['without tools', { tools: undefined, tool_choice: 'required' }, 'tool_choice'],
    ['with a name that is not there', { tool_choice: named('nothing') }, 'tool_choice.function.name'],
    [
      'with a schema that cannot be honoured',
      { tools: [tool('f', { a: { not: { type: 'string' } } })], tool_choice: 'required' },
      'tools[0].function.parameters.properties.a.not',
    ],
  ])('tool_choice is refused %s', async (_name, body, param) => {
    await expect(ask(body as Body)).rejects.toMatchObject({ status: 400, param })
  })
})

describe('tool_choice auto', () => {
  const messages = [{ role: 'user' as const, content: 'Place an order of 40 huge tea with honey.' }]

  it('arguments follow the schema with tool_choice auto once a call has begun', async () => {
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, seed) => ask({ tools: [order], messages, seed, temperature: 1 })),
    )
    const calls = answers.filter(({ finish_reason: reason }) => reason === 'tool_calls')
    expect(calls.length).toBeGreaterThan(3)
    for (const call of calls) namesOf(call)
  })

  it('a schema that cannot be honoured leaves the arguments of its tool free, and other tools keep theirs', async () => {
    const tools = [order, tool('get_weather', { city: { type: 'string', not: {} } })]
    const question = [{ role: 'user' as const, content: 'What is the weather in Paris?' }]
    const { message } = await ask({ tools, messages: question, temperature: 0 })
    expect(message.tool_calls?.[0]).toMatchObject({ function: { arguments: '{"city": "Paris"}' } })
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, seed) =>
        ask({ tools, messages, parallel_tool_calls: false, seed, temperature: 1 }),
      ),
    )
    const orders = answers.filter(
      ({ message: { tool_calls: [call] = [] }, finish_reason: reason }) =>
        call?.type === 'function' && call.function.name === 'place_order' && reason === 'tool_calls',
    )
    expect(orders.length).toBeGreaterThan(0)
    for (const choice of orders) namesOf(choice)
  })

  it('an answer with both tools and response_format is a call or a document', async () => {
    const schema = { type: 'object', properties: { mark: { const: '<tool_call>' } }, required: ['mark'] }
    const format = { type: 'json_schema' as const, json_schema: { name: 'marked', schema } }
    const weatherQuestion = [{ role: 'user' as const, content: 'What is the weather in Paris?' }]
    const call = await ask({ messages: weatherQuestion, response_format: format, temperature: 0 })
    expect(namesOf(call)).toEqual(['get_weather'])
    let documents = 0
    for (let seed = 0; documents === 0 && seed < 60; seed++) {
      const { message } = await ask({ response_format: format, seed, temperature: 2, tool_choice: 'auto' })
      if (message.tool_calls !== undefined) continue
      expect(JSON.parse(message.content ?? '')).toEqual({ mark: '<tool_call>' })
      documents++
    }
    expect(documents).toBe(1)
  })
})

describe('strict tools', () => {
  const strict = (one: ChatCompletionTool): ChatCompletionTool =>
    one.type === 'function' ? { ...one, function: { ...one.function, strict: true } } : one
  const tools = [strict(weather), strict(order)]

  it('a strict tool leaves the model free to call or not', async () => {
    const talk = await ask({ tools, temperature: 0 })
    expect([talk.finish_reason, talk.message.tool_calls]).toEqual(['stop', undefined])
    expect(talk.message.content).toMatch(/\w/)
    const messages = [{ role: 'user' as const, content: 'What is the weather in Paris?' }]
    const call = await ask({ tools, messages, temperature: 0 })
    expect(namesOf(call)).toEqual(['get_weather'])
    expect(call.message.tool_calls?.[0]).toMatchObject({ function: { arguments: '{"city": "Paris"}' } })
  })

  it('arguments of a strict tool follow the schema once a call has begun', async () => {
    const messages = [{ role: 'user' as const, content: 'Place an order of 40 huge tea with honey.' }]
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, seed) =>
        ask({ tools: [strict(order)], messages, seed, temperature: 1 }),
      ),
    )
    const calls = answers.filter(({ finish_reason: reason }) => reason === 'tool_calls')
    expect(calls.length).toBeGreaterThan(3)
    for (const call of calls) namesOf(call)
  })
})

describe('response_format', () => {
  it('the schema of response_format applies after a thought', async () => {
    const schema = {
      type: 'object',
      properties: { a: { enum: ['x', 'y'] } },
      required: ['a'],
      additionalProperties: false,
    }
    const choice = await ask({
      tools: [],
      chat_template_kwargs: { enable_thinking: true },
      response_format: { type: 'json_schema', json_schema: { name: 'a', schema } },
    })
    expect(['x', 'y']).toContain((JSON.parse(choice.message.content ?? '') as { a: string }).a)
    expect((choice.message as { reasoning_content?: string }).reasoning_content).toMatch(/\w/)
  })
})
