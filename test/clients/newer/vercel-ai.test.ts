import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { APICallError, generateObject, generateText, Output, stepCountIs, streamText, tool } from 'ai'
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

describe.each([
  {
    provider: 'openai-compatible',
    modelOf: (name: string) =>
      createOpenAICompatible({
        name: 'altiplano',
        baseURL: `${server.url}/v1`,
        includeUsage: true,
        supportsStructuredOutputs: true,
      })(name),
  },
  {
    provider: 'openai, by chat completions',
    modelOf: (name: string) => createOpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none' }).chat(name),
  },
  {
    provider: 'openai, by responses',
    modelOf: (name: string) => createOpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none' }).responses(name),
  },
])('Vercel AI SDK: $provider', ({ provider, modelOf }) => {
  const settings = () => ({
    model: modelOf('chat'),
    prompt,
    temperature: 0,
    maxOutputTokens: 200,
    maxRetries: 0,
  })
  const ran: unknown[] = []
  const tools = {
    get_weather: tool({
      description: 'Get the current weather of a city',
      inputSchema: z.object({ city: z.string() }),
      execute: (input) => {
        ran.push(input)
        return { temperature: 21, condition: 'sunny' }
      },
    }),
  }

  it(`Vercel AI SDK (${provider}) generates and streams the same text, with its usage`, async () => {
    const whole = await generateText(settings())
    const stream = streamText(settings())
    let text = ''
    for await (const delta of stream.textStream) text += delta
    expect(whole.text).toMatch(/\w/)
    expect(text).toBe(whole.text)
    expect([await stream.finishReason, whole.finishReason]).toEqual(['stop', 'stop'])
    expect((await stream.usage).outputTokens).toBe(whole.usage.outputTokens)
    expect(whole.usage.inputTokens).toBeGreaterThan(5)
  })

  it(`Vercel AI SDK (${provider}) generates objects`, async () => {
    const { object } = await generateObject({ ...settings(), schema: Weather })
    expect(Weather.parse(object)).toEqual(object)
  })

  it.each(['whole', 'streamed'])(`Vercel AI SDK (${provider}) runs tools and continues, %s`, async (how) => {
    ran.length = 0
    const asked = { ...settings(), tools, stopWhen: stepCountIs(3) }
    const { text, steps } = how === 'whole' ? await generateText(asked) : await settled(streamText(asked))
    expect(ran).toEqual([{ city: 'Paris' }])
    expect(steps).toHaveLength(2)
    expect(text).toMatch(/21|sunny/)
  })

  it(`Vercel AI SDK (${provider}) accepts tools together with a schema for the answer`, async () => {
    const { toolCalls } = await generateText({
      ...settings(),
      tools,
      output: Output.object({ schema: Weather }),
      stopWhen: stepCountIs(1),
    })
    expect(toolCalls[0]).toMatchObject({ toolName: 'get_weather', input: { city: 'Paris' } })
  })

  it(`Vercel AI SDK (${provider}) calls the tool that it must call`, async () => {
    const { toolCalls } = await generateText({
      ...settings(),
      prompt: 'Hello!',
      tools,
      toolChoice: { type: 'tool', toolName: 'get_weather' },
    })
    expect(toolCalls[0]).toMatchObject({ toolName: 'get_weather', input: { city: expect.any(String) } })
  })

  it(`Vercel AI SDK (${provider}) raises the error of a refused request`, async () => {
    const error = await generateText({ ...settings(), model: modelOf('nope') }).catch(
      (reason: unknown) => reason,
    )
    expect(APICallError.isInstance(error)).toBe(true)
    expect(error).toMatchObject({
      statusCode: 404,
      isRetryable: false,
      message: expect.stringContaining('nope'),
    })
  })
})

async function settled(stream: {
  readonly text: PromiseLike<string>
  readonly steps: PromiseLike<readonly unknown[]>
  consumeStream(): PromiseLike<void>
}): Promise<{ text: string; steps: readonly unknown[] }> {
  await stream.consumeStream()
  return { text: await stream.text, steps: await stream.steps }
}
