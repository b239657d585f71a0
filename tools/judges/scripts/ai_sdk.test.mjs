// Vercel's AI SDK 6 with each of the providers that speak to the server.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import {
  APICallError,
  generateObject,
  generateText,
  Output,
  stepCountIs,
  streamObject,
  streamText,
  tool,
} from 'ai'
import { z } from 'zod'

const name = process.env.ALTIPLANO_MODEL
const baseURL = `${process.env.ALTIPLANO_URL}/v1`
const openai = createOpenAI({ baseURL, apiKey: 'none' })
const compatible = createOpenAICompatible({
  name: 'altiplano',
  baseURL,
  includeUsage: true,
  supportsStructuredOutputs: true,
})
const providers = {
  'openai-compatible': compatible,
  'openai chat': openai.chat,
  'openai responses': openai.responses,
  anthropic: createAnthropic({ baseURL, apiKey: 'none' }),
}
const schema = z.object({ city: z.enum(['Paris', 'Berlin']), warm: z.boolean() })
const tools = {
  get_weather: tool({
    description: 'Get the current weather of a city',
    inputSchema: z.object({ city: z.string() }),
    execute: () => ({ temperature: 21, condition: 'sunny' }),
  }),
}

for (const [provider, modelOf] of Object.entries(providers)) {
  const asked = (prompt, more = {}) => ({
    model: modelOf(name),
    prompt,
    temperature: 0,
    maxOutputTokens: 200,
    maxRetries: 0,
    ...more,
  })
  const weather = 'What is the weather in Paris?'

  test(`${provider}: generateText`, async () => {
    const { text, usage, finishReason } = await generateText(asked('What is 17 + 25?'))
    assert.match(text, /42/)
    assert.equal(finishReason, 'stop')
    assert.ok(usage.inputTokens > 5 && usage.outputTokens > 0)
  })

  test(`${provider}: streamText gives the same text`, async () => {
    const whole = await generateText(asked('What is 17 + 25?'))
    const stream = streamText(asked('What is 17 + 25?'))
    let text = ''
    for await (const delta of stream.textStream) text += delta
    assert.equal(text, whole.text)
    assert.equal((await stream.usage).outputTokens, whole.usage.outputTokens)
  })

  test(`${provider}: a conversation with system, user and assistant`, async () => {
    const messages = [
      { role: 'user', content: 'Hello!' },
      { role: 'assistant', content: 'Hello! How can I help you?' },
      { role: 'user', content: [{ type: 'text', text: 'What is 2 + 3?' }] },
    ]
    const { text } = await generateText({ ...asked(undefined, { messages }), system: 'Be brief.' })
    assert.match(text, /\w/)
  })

  for (const how of ['whole', 'streamed'])
    test(`${provider}: a tool is run and its result answered, ${how}`, async () => {
      const request = asked(weather, { tools, stopWhen: stepCountIs(3) })
      const result = how === 'whole' ? await generateText(request) : streamText(request)
      if (how === 'streamed') await result.consumeStream()
      const steps = await result.steps
      assert.equal(steps.length, 2)
      assert.equal(steps[0].toolCalls[0].toolName, 'get_weather')
      assert.match(await result.text, /21|sunny/)
    })

  test(`${provider}: a tool that must be called`, async () => {
    const toolChoice = { type: 'tool', toolName: 'get_weather' }
    const { toolCalls } = await generateText(asked('Hello!', { tools, toolChoice, stopWhen: stepCountIs(1) }))
    assert.equal(toolCalls[0].toolName, 'get_weather')
  })

  test(`${provider}: generateObject`, async () => {
    const { object } = await generateObject(asked(weather, { schema }))
    assert.deepEqual(schema.parse(object), object)
  })

  test(`${provider}: streamObject`, async () => {
    const stream = streamObject(asked(weather, { schema }))
    for await (const part of stream.partialObjectStream) assert.equal(typeof part, 'object')
    assert.ok(schema.parse(await stream.object))
  })

  test(`${provider}: tools together with a schema for the answer`, async () => {
    const output = Output.object({ schema })
    const { toolCalls } = await generateText(asked(weather, { tools, output, stopWhen: stepCountIs(1) }))
    assert.equal(toolCalls[0].toolName, 'get_weather')
  })

  test(`${provider}: an unknown model is an error that is not tried again`, async () => {
    const failed = await generateText({ ...asked('Hello!'), model: modelOf('nope') }).catch((error) => error)
    assert.ok(APICallError.isInstance(failed))
    assert.equal(failed.statusCode, 404)
    assert.match(failed.message, /nope/)
  })

  test(`${provider}: leaving a stream`, async () => {
    const left = new AbortController()
    const stream = streamText(asked('Tell me a story.', { abortSignal: left.signal, onError() {} }))
    for await (const _ of stream.textStream) left.abort()
  })
}
