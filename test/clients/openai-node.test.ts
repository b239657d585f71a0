import OpenAI, { APIError, BadRequestError, NotFoundError } from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { metric } from '../support/metrics.ts'
import { until } from '../support/patience.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
let client: OpenAI
let model: string

beforeAll(async () => {
  server = await startServer(['--slots', '2', '--max-queue', '1'])
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 })
  model = (await client.models.list()).data[0]?.id ?? ''
})
afterAll(() => server.stop())

const ask = (content: string) => [{ role: 'user' as const, content }]

describe('openai-node', () => {
  it('openai-node gets the answer to a chat', async () => {
    const answer = await client.chat.completions.create({
      model,
      messages: ask('What is 2+2?'),
      temperature: 0,
    })
    const choice = answer.choices[0]
    expect(answer.object).toBe('chat.completion')
    expect(choice?.finish_reason).toBe('stop')
    expect(choice?.message.content).toContain('4')
    expect(choice?.message.refusal).toBeNull()
    const { usage } = answer
    expect(usage?.total_tokens).toBe((usage?.prompt_tokens ?? 0) + (usage?.completion_tokens ?? 0))
  })

  it('openai-node streams the text of the whole answer: role once, finish without text, usage last', async () => {
    const whole = await client.chat.completions.create({ model, messages: ask('Hello'), temperature: 0 })
    const chunks = []
    const stream = await client.chat.completions.create({
      model,
      messages: ask('Hello'),
      temperature: 0,
      stream: true,
      stream_options: { include_usage: true },
    })
    for await (const chunk of stream) chunks.push(chunk)
    const deltas = chunks.flatMap((chunk) => chunk.choices.map((choice) => choice.delta))
    expect(deltas.map((delta) => delta.content ?? '').join('')).toBe(whole.choices[0]?.message.content)
    expect(deltas.filter((delta) => delta.role !== undefined)).toHaveLength(1)
    expect(deltas[0]).toEqual({ role: 'assistant', content: '' })
    expect(deltas.at(-1)).toEqual({})
    expect(chunks.at(-1)?.choices).toEqual([])
    expect(chunks.at(-1)?.usage?.completion_tokens).toBe(whole.usage?.completion_tokens)
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true)
    expect(new Set(chunks.map((chunk) => chunk.id)).size).toBe(1)
  })

  it('openai-node gets the usage so far with every chunk on request', async () => {
    const stream_options = { include_usage: true, continuous_usage_stats: true }
    const counts: number[] = []
    const body = { model, messages: ask('Hello'), temperature: 0, stream: true as const, stream_options }
    for await (const { usage } of await client.chat.completions.create(body))
      counts.push(usage?.completion_tokens ?? -1)
    expect(counts.length).toBeGreaterThan(4)
    expect(counts).toEqual([...counts].sort((a, b) => a - b))
    expect(counts.at(-1)).toBe(counts.at(-2))
    expect(counts[1]).toBeGreaterThan(0)
  })

  it('the server-timing header has the time in queue, prefill and decode', async () => {
    const asked = client.chat.completions.create({ model, messages: ask('Hello'), max_tokens: 4 })
    const { data, response } = await asked.withResponse()
    const { timings } = data as OpenAI.ChatCompletion & { timings: { prompt_ms: number } }
    const told = /^queue;dur=[\d.]+, prefill;dur=([\d.]+), decode;dur=[\d.]+$/.exec(
      response.headers.get('server-timing') ?? '',
    )
    expect(Number(told?.[1])).toBeCloseTo(timings.prompt_ms, 0)
  })

  it('the stream() helper of openai-node ends with the final completion', async () => {
    const final = await client.chat.completions
      .stream({ model, messages: ask('Hello') })
      .finalChatCompletion()
    expect(final.choices[0]?.message.role).toBe('assistant')
    expect(final.choices[0]?.finish_reason).toBe('stop')
  })

  it('max_tokens limits an answer to exactly that many tokens', async () => {
    const answer = await client.chat.completions.create({
      model,
      messages: ask('Count to ten'),
      max_tokens: 3,
    })
    expect([answer.choices[0]?.finish_reason, answer.usage?.completion_tokens]).toEqual(['length', 3])
  })

  it('the same seed repeats an answer, and another seed does not', async () => {
    let asked = 0
    const sample = async (seed: number) => {
      const answer = await client.completions.create({
        model,
        prompt: 'Once',
        max_tokens: 24,
        temperature: 2,
        seed,
        // Each computes its prompt, in the same pass: another one rounds otherwise, and a draw can be close.
        ...{ cache_salt: `${asked++}` },
      })
      return answer.choices[0]?.text
    }
    const first = await sample(7)
    expect(await sample(7)).toBe(first)
    expect(await sample(8)).not.toBe(first)
  })

  it('openai-node gets n choices with their own indices', async () => {
    const answer = await client.chat.completions.create({
      model,
      messages: ask('Hello'),
      n: 3,
      max_tokens: 4,
      temperature: 2,
    })
    expect(answer.choices.map((choice) => choice.index)).toEqual([0, 1, 2])
  })

  it('a conversation reuses its cached prefix, and its usage says so', async () => {
    const messages = ask(
      'What is the capital of France? Please answer in a full sentence, if you would be so kind.',
    )
    await client.chat.completions.create({ model, messages, max_tokens: 1 })
    const again = await client.chat.completions.create({ model, messages, max_tokens: 1 })
    expect(again.usage?.prompt_tokens_details?.cached_tokens).toBe((again.usage?.prompt_tokens ?? 0) - 1)
  })

  it('no part of a stop string is ever sent', async () => {
    const prompt = 'a b c'
    const request = { model, prompt, max_tokens: 40, temperature: 0, ignore_eos: true }
    const text = (await client.completions.create(request)).choices[0]?.text ?? ''
    const stop = text.slice(5, 12)
    const stream = await client.completions.create({ ...request, stop, stream: true })
    let sent = ''
    let reason: string | undefined
    for await (const chunk of stream) {
      sent += chunk.choices[0]?.text ?? ''
      reason = chunk.choices[0]?.finish_reason ?? reason
    }
    expect(sent).toBe(text.slice(0, text.indexOf(stop)))
    expect(reason).toBe('stop')
  })

  it('ignore_eos lets an answer continue to the limit', async () => {
    const request = { model, messages: ask('Hello'), max_tokens: 60, temperature: 0, ignore_eos: true }
    const answer = await client.chat.completions.create(request)
    expect([answer.choices[0]?.finish_reason, answer.usage?.completion_tokens]).toEqual(['length', 60])
  })

  it('logit_bias changes the sampled tokens', async () => {
    const free = await client.completions.create({
      model,
      prompt: 'a',
      max_tokens: 5,
      temperature: 0,
      logit_bias: { 70: 100 },
    })
    const token = await client.completions.create({
      model,
      prompt: [70],
      max_tokens: 1,
      echo: true,
      temperature: 0,
    })
    const letter = token.choices[0]?.text[0] ?? ''
    expect(free.choices[0]?.text).toBe(letter.repeat(5))
  })

  it('both path prefixes are served, and models by raw and encoded id', async () => {
    const other = new OpenAI({ baseURL: `${server.url}/openai/v1`, apiKey: 'none', maxRetries: 0 })
    expect((await other.models.retrieve(model)).id).toBe(model)
    await expect(other.models.retrieve('no/such')).rejects.toBeInstanceOf(NotFoundError)
  })

  it('openai-node raises errors of the class of their status', async () => {
    const bad = client.chat.completions.create({ model, messages: [], temperature: 0 })
    await expect(bad).rejects.toBeInstanceOf(BadRequestError)
    const unknown = client.chat.completions.create({ model: 'nope', messages: ask('Hello') })
    await expect(unknown).rejects.toMatchObject({ status: 404, code: 'model_not_found', param: 'model' })
  })

  it('a stream that the client leaves frees its slot', async () => {
    const stream = await client.chat.completions.create({
      model,
      messages: ask('Hello'),
      stream: true,
      max_tokens: 1000,
      ...{ ignore_eos: true },
    })
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break
    await until(async () => (await metric(server.url, 'vllm:num_requests_running')) === 0)
    expect(
      await metric(server.url, 'altiplano_request_success_total', { finished_reason: 'cancelled' }),
    ).not.toBe(0)
  })

  it('a full queue is 503 with retry-after, at once', async () => {
    const long = { model, messages: ask('Hello'), max_tokens: 1500, stream: true as const, ignore_eos: true }
    const open = await Promise.all([1, 2, 3].map(() => client.chat.completions.create(long)))
    const refused = await client.chat.completions
      .create({ ...long, stream: false })
      .catch((error: unknown) => error)
    for (const stream of open) stream.controller.abort()
    expect(refused).toBeInstanceOf(APIError)
    const { status, code, headers } = refused as APIError
    expect([status, code]).toEqual([503, 'server_overloaded'])
    expect(Number(headers?.get('retry-after'))).toBeGreaterThan(0)
    await until(async () => (await metric(server.url, 'vllm:num_requests_running')) === 0)
  })

  it('a prediction gives the same text in fewer passes, and usage counts its accepted tokens', async () => {
    const asked = {
      model,
      messages: [{ role: 'user' as const, content: 'Tell me a story' }],
      temperature: 0,
      max_tokens: 300,
    }
    const plain = await client.chat.completions.create(asked)
    const content = plain.choices[0]?.message.content ?? ''
    const predicted = await client.chat.completions.create({
      ...asked,
      prediction: { type: 'content', content },
    })
    expect(predicted.choices[0]?.message.content).toBe(content)
    expect(plain.usage?.completion_tokens_details?.accepted_prediction_tokens).toBe(0)
    const { completion_tokens: tokens, completion_tokens_details: details } = predicted.usage ?? {}
    expect(tokens).toBe(plain.usage?.completion_tokens)
    expect(details?.accepted_prediction_tokens).toBeGreaterThan((tokens ?? 0) / 2)
    expect(details?.rejected_prediction_tokens).toBeLessThan(20)
  })
})
