import type OpenAI from 'openai'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { complete, type OpenAiServer, startOpenAi } from '../support/openai.ts'
import { type CompletionLogprobs, smallestLead, toldInChat, toldInCompletion } from '../support/same-text.ts'

// Tests compare these answers of the built-in model word for word, between batches and across crashes. They may, as long as every token
// leads by far more than rounding moves; with a temperature of 0.5 the next best one is still drawn once in 10,000 tokens.
const LEAD = 2

let server: OpenAiServer
beforeAll(async () => {
  server = await startOpenAi()
})
afterAll(() => server.stop())

const get_weather = {
  type: 'function' as const,
  function: {
    name: 'get_weather',
    description: 'The weather',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
}

it.each<[string, object]>([
  ['Tell me a story', {}],
  ['Hello', {}],
  ['What is the capital of France?', {}],
  ['What is 2+2?', {}],
  ['What is 2+2?', { chat_template_kwargs: { enable_thinking: true } }],
  ['What is the weather in Paris?', { tools: [get_weather], tool_choice: 'none' }],
])('the recorded answer to a chat is reproduced: %s %j', async (content, more) => {
  const asked = { model: server.model, messages: [{ role: 'user', content }], max_tokens: 400, ...more }
  const scored = { ...asked, temperature: 0, logprobs: true, top_logprobs: 2 }
  const { choices } = await server.client.chat.completions.create(
    scored as OpenAI.ChatCompletionCreateParamsNonStreaming,
  )
  const told = toldInChat(choices[0]?.logprobs?.content ?? [])
  expect(choices[0]?.finish_reason).toBe('stop')
  expect(told.tokens.length).toBeGreaterThan(2)
  expect(smallestLead(told)).toBeGreaterThan(LEAD)
})

it.each([
  { prompt: 'Once upon a time', max_tokens: 200 },
  { prompt: 'a b c', max_tokens: 40, ignore_eos: true },
])('the recorded answer to a completion is reproduced: $prompt', async (fields) => {
  const scored = { ...fields, temperature: 0, logprobs: 2 }
  const { choices } = await complete<{ choices: { logprobs: CompletionLogprobs }[] }>(server, scored)
  const [told] = choices.map(({ logprobs }) => toldInCompletion(logprobs))
  if (told === undefined) throw new Error('no choice')
  expect(told.tokens.length).toBeGreaterThan(30)
  expect(smallestLead(told)).toBeGreaterThan(LEAD)
})
