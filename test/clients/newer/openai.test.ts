import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as newer from 'openai'
import * as newerHelpers from 'openai/helpers/zod'
import * as older from 'openai6'
import * as olderHelpers from 'openai6/helpers/zod'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { writeEmbeddingModel } from '../../support/embedding-model.ts'
import { metric } from '../../support/metrics.ts'
import { startServer, type TestServer } from '../../support/server.ts'
import { busyFirst } from './busy-first.ts'

const folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
const model = 'chat'
let server: TestServer

beforeAll(async () => {
  const path = join(folder, 'vectors.gguf')
  await writeEmbeddingModel(path)
  const embeddings = ['--embedding-model', path, '--embedding-model-name', 'vectors']
  server = await startServer([
    '--slots',
    '2',
    '--max-queue',
    '2',
    '--served-model-name',
    model,
    ...embeddings,
  ])
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

// One suite for both: the types of the newer stand for those of the older.
const majors = [
  {
    major: 6,
    sdk: older as unknown as typeof newer,
    helpers: olderHelpers as unknown as typeof newerHelpers,
  },
  { major: 7, sdk: newer, helpers: newerHelpers },
]
const Weather = z.object({ city: z.enum(['Paris', 'Berlin']), degrees: z.int().min(-50).max(50).nullable() })
const City = z.object({ city: z.string() })
const user = (content: string) => [{ role: 'user' as const, content }]
const asked = { model, messages: user('What is the weather in Paris?'), temperature: 0, max_tokens: 200 }

describe.each(majors)('openai-node $major', ({ major, sdk, helpers }) => {
  const clientOf = (baseURL = server.url, maxRetries = 0) =>
    new sdk.OpenAI({ baseURL: `${baseURL}/v1`, apiKey: 'none', maxRetries })

  it(`openai-node ${major} creates and streams the same text`, async () => {
    const whole = await clientOf().chat.completions.create(asked)
    const stream = clientOf().chat.completions.stream({ ...asked, stream_options: { include_usage: true } })
    let text = ''
    stream.on('content', (delta) => {
      text += delta
    })
    const final = await stream.finalChatCompletion()
    expect(whole.choices[0]?.message.content).toMatch(/\w/)
    expect(final.choices[0]?.message.content).toBe(whole.choices[0]?.message.content)
    expect(text).toBe(whole.choices[0]?.message.content)
    expect(final.usage?.total_tokens).toBe(whole.usage?.total_tokens)
  })

  it(`openai-node ${major} parses a chat with zod, in one piece and streamed`, async () => {
    const wanted = { ...asked, response_format: helpers.zodResponseFormat(Weather, 'weather') }
    const whole = await clientOf().chat.completions.parse(wanted)
    expect(Weather.safeParse(whole.choices[0]?.message.parsed).success).toBe(true)
    const streamed = await clientOf().chat.completions.stream(wanted).finalChatCompletion()
    expect(streamed.choices[0]?.message.parsed).toEqual(whole.choices[0]?.message.parsed)
  })

  it.each([false, true])(`openai-node ${major} runs zod tools to the end, streamed %s`, async (stream) => {
    const ran: unknown[] = []
    const tool = helpers.zodFunction({
      name: 'get_weather',
      description: 'Get the current weather of a city',
      parameters: City,
      function: (input) => {
        ran.push(input)
        return '{"temperature": 21, "condition": "sunny"}'
      },
    })
    const { chat } = clientOf()
    const runner = stream
      ? chat.completions.runTools({ ...asked, tools: [tool], stream: true })
      : chat.completions.runTools({ ...asked, tools: [tool] })
    expect(await runner.finalContent()).toMatch(/21|sunny/)
    expect(ran).toEqual([{ city: 'Paris' }])
  })

  it(`openai-node ${major} parses and streams responses, and their calls`, async () => {
    const { responses } = clientOf()
    const input = { model, input: 'What is the weather in Paris?', temperature: 0 }
    const text = { format: helpers.zodTextFormat(Weather, 'weather') }
    const parsed = await responses.parse({ ...input, text })
    expect(Weather.safeParse(parsed.output_parsed).success).toBe(true)
    const tools = [helpers.zodResponsesFunction({ name: 'get_weather', parameters: City })]
    const streamed = await responses.stream({ ...input, tools, tool_choice: 'required' }).finalResponse()
    const call = streamed.output.find(({ type }) => type === 'function_call')
    expect(call).toMatchObject({ name: 'get_weather', parsed_arguments: { city: 'Paris' } })
  })

  it(`openai-node ${major} gets embeddings in base64, its default, and as numbers`, async () => {
    const { embeddings } = clientOf()
    const input = ['Hello!', 'What is it?']
    const { data } = await embeddings.create({ model: 'vectors', input })
    const plain = await embeddings.create({ model: 'vectors', input, encoding_format: 'float' })
    expect(data.map(({ embedding }) => embedding.length)).toEqual(
      plain.data.map(({ embedding }) => embedding.length),
    )
    const [one, other] = [data[0]?.embedding ?? [], plain.data[0]?.embedding ?? []]
    const product = one.reduce((sum, value, index) => sum + value * (other[index] ?? Number.NaN), 0)
    expect(product).toBeCloseTo(1, 4)
  })

  it(`openai-node ${major} aborts a stream or a call, and neither holds a slot`, async () => {
    const long = { ...asked, max_tokens: 1500, ignore_eos: true }
    const stream = await clientOf().chat.completions.create({ ...long, stream: true })
    for await (const _ of stream) break
    const controller = new AbortController()
    const call = clientOf().chat.completions.create(long, { signal: controller.signal })
    setTimeout(() => controller.abort(), 50)
    await expect(call).rejects.toBeInstanceOf(sdk.APIUserAbortError)
    await expect.poll(() => metric(server.url, 'vllm:num_requests_running')).toBe(0)
  })

  it(`openai-node ${major} retries when the server is full, after the time that it names`, async () => {
    const long = { ...asked, max_tokens: 1500, ignore_eos: true, stream: true as const }
    const busy = await Promise.all([1, 2, 3, 4].map(() => clientOf().chat.completions.create(long)))
    const door = await busyFirst(server.url)
    try {
      const answer = clientOf(door.url, 4).chat.completions.create(asked)
      await expect.poll(() => door.refusals.length).toBeGreaterThan(0)
      for (const stream of busy) stream.controller.abort()
      expect((await answer).choices[0]?.finish_reason).toBe('stop')
      const { status, at, retryAfterMs } = door.refusals[0] ?? { status: 0, at: 0, retryAfterMs: 0 }
      expect(status).toBe(503)
      expect((door.requests[1] ?? 0) - at).toBeGreaterThan(0.7 * retryAfterMs)
    } finally {
      door.close()
    }
  })

  it(`openai-node ${major} raises errors of the class of their status`, async () => {
    const bad = clientOf().chat.completions.create({ ...asked, messages: [] })
    await expect(bad).rejects.toMatchObject({ status: 400, code: 'empty_array', param: 'messages' })
    await expect(bad).rejects.toBeInstanceOf(sdk.BadRequestError)
    const unknown = clientOf().chat.completions.create({ ...asked, model: 'nope' })
    await expect(unknown).rejects.toBeInstanceOf(sdk.NotFoundError)
  })
})
