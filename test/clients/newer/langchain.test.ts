import { HumanMessage, type ToolMessage } from '@langchain/core/messages'
import { tool } from '@langchain/core/tools'
import { ChatOpenAI } from '@langchain/openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { startServer, type TestServer } from '../../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer(['--slots', '2', '--served-model-name', 'chat'])
})
afterAll(() => server.stop())

const Weather = z.object({ city: z.enum(['Paris', 'Berlin']), warm: z.boolean() })
const prompt = 'What is the weather in Paris?'
const weather = tool(({ city }) => `{"city": "${city}", "temperature": 21, "condition": "sunny"}`, {
  name: 'get_weather',
  description: 'Get the current weather of a city',
  schema: z.object({ city: z.string() }),
})

/** Their types lose it under TypeScript's exactOptionalPropertyTypes. */
const outputTokens = ({ usage_metadata }: { usage_metadata?: unknown }): number | undefined =>
  (usage_metadata as { output_tokens: number } | undefined)?.output_tokens

describe.each([
  { api: 'chat completions', useResponsesApi: false },
  { api: 'responses', useResponsesApi: true },
])('LangChain.js by $api', ({ api, useResponsesApi }) => {
  const chat = (model = 'chat') =>
    new ChatOpenAI({
      model,
      apiKey: 'none',
      temperature: 0,
      maxTokens: 200,
      maxRetries: 0,
      useResponsesApi,
      configuration: { baseURL: `${server.url}/v1` },
    })

  it(`LangChain.js by ${api} invokes and streams the same text, with its usage`, async () => {
    const whole = await chat().invoke(prompt)
    let text = ''
    let tokens = 0
    for await (const chunk of await chat().stream(prompt)) {
      text += chunk.text
      tokens += outputTokens(chunk) ?? 0
    }
    expect(whole.text).toMatch(/\w/)
    expect(text).toBe(whole.text)
    expect(tokens).toBe(outputTokens(whole))
  })

  it.each(['jsonSchema', 'functionCalling'] as const)(
    `LangChain.js by ${api} parses an object withStructuredOutput by %s`,
    async (method) => {
      const answer = await chat().withStructuredOutput(Weather, { method, name: 'weather' }).invoke(prompt)
      expect(Weather.parse(answer)).toEqual(answer)
    },
  )

  it(`LangChain.js by ${api} binds tools, calls them, and sends their results back`, async () => {
    const bound = chat().bindTools([weather])
    const asked = new HumanMessage(prompt)
    const call = await bound.invoke([asked])
    expect(call.tool_calls).toMatchObject([{ name: 'get_weather', args: { city: 'Paris' } }])
    const result = (await weather.invoke(call.tool_calls?.[0] as never)) as ToolMessage
    expect((await bound.invoke([asked, call, result])).text).toMatch(/21|sunny/)
    let calls = 0
    for await (const chunk of await bound.stream([asked])) calls += chunk.tool_call_chunks?.length ?? 0
    expect(calls).toBeGreaterThan(0)
  })

  it(`LangChain.js by ${api} raises the error of a refused request`, async () => {
    await expect(chat('nope').invoke(prompt)).rejects.toMatchObject({ status: 404 })
  })
})
