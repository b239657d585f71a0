import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeEmbeddingModel } from '../support/embedding-model.ts'
import { postJson } from '../support/http.ts'
import { metric } from '../support/metrics.ts'
import { startServer, type TestServer } from '../support/server.ts'

const folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
const [all, few] = ['sk-all-0123456789abcd', 'sk-few-0123456789abcd'] as const
let server: TestServer

beforeAll(async () => {
  const [keys, vectors] = [join(folder, 'keys.yaml'), join(folder, 'vectors.gguf')]
  writeFileSync(
    keys,
    `keys:\n  - { name: all, key: ${all} }\n  - { name: few, key: ${few}, models: [vectors] }\n`,
  )
  await writeEmbeddingModel(vectors)
  const embedding = ['--embedding-model', vectors, '--embedding-model-name', 'vectors']
  server = await startServer(['--served-model-name', 'demo', '--api-keys', keys, ...embedding])
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

interface Line {
  readonly message?: {
    readonly content: string
    readonly thinking?: string
    readonly tool_calls?: readonly object[]
  }
  readonly response?: string
  readonly thinking?: string
  readonly done: boolean
  readonly error?: string
}

const ask = (path: string, body: object, key: string = all): Promise<Response> =>
  postJson(`${server.url}/api/${path}`, body, { authorization: `Bearer ${key}` })
const get = (path: string, key: string = all): Promise<Response> =>
  fetch(`${server.url}/api/${path}`, { headers: { authorization: `Bearer ${key}` } })
const whole = async <T = Line>(path: string, body: object): Promise<T> => {
  const answer = await ask(path, { stream: false, ...body })
  expect(answer.status).toBe(200)
  return (await answer.json()) as T
}
const lines = async (path: string, body: object): Promise<Line[]> => {
  const answer = await ask(path, body)
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/x-ndjson'])
  return (await answer.text())
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
}

const user = (content: string): object => ({ role: 'user', content })
const sum = {
  model: 'demo',
  messages: [user('What is 17 + 25?')],
  options: { temperature: 0, num_predict: 30 },
}
const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
}
const asked = user('What is the weather in Paris?')
const call = { function: { name: 'get_weather', arguments: { city: 'Paris' } } }
const numbers = {
  done: true,
  total_duration: expect.any(Number),
  load_duration: 0,
  prompt_eval_count: expect.any(Number),
  prompt_eval_duration: expect.any(Number),
  eval_count: expect.any(Number),
  eval_duration: expect.any(Number),
}

describe('POST /api/chat', () => {
  it('an answer is streamed, a line a piece, unless stream is false, and is the same in one piece', async () => {
    const pieces = await lines('chat', sum)
    const last = pieces.pop()
    expect(last).toMatchObject({
      message: { role: 'assistant', content: '' },
      done_reason: 'stop',
      ...numbers,
    })
    expect(pieces.length).toBeGreaterThan(5)
    expect(pieces.every(({ done }) => !done)).toBe(true)
    const said = pieces.map(({ message }) => message?.content).join('')
    expect(await whole('chat', sum)).toMatchObject({
      model: 'demo',
      created_at: expect.stringMatching(/^\d{4}-.*Z$/),
      message: { role: 'assistant', content: said },
      done_reason: 'stop',
      ...numbers,
    })
  })

  it('options have their effect, and those without any are named', async () => {
    const options = { temperature: 0, num_predict: 3, num_ctx: 4096, mirostat: 2, top_k: 5, seed: -7 }
    const answer = await ask('chat', { ...sum, stream: false, keep_alive: '5m', options })
    expect(answer.headers.get('x-ignored-params')).toBe('options.num_ctx, options.mirostat')
    expect(await answer.json()).toMatchObject({ done_reason: 'length', eval_count: 3 })
    const stopped = await whole('chat', { ...sum, options: { ...sum.options, stop: ['='] } })
    expect(stopped.message?.content).toMatch(/^17 \+ 25 $/)
    const long = await ask('chat', {
      ...sum,
      stream: false,
      options: { temperature: 0, num_predict: 1_000_000 },
    })
    expect(long.headers.get('x-ignored-params')).toBe('options.num_predict')
    expect(await long.json()).toMatchObject({ done_reason: 'stop' })
  })

  it('calls come whole, with objects as arguments, and a result belongs to the call of its tool', async () => {
    const chat = { model: 'demo', messages: [asked], tools: [weather], options: { temperature: 0 } }
    const told = [{ id: expect.stringMatching(/^call_/), function: { index: 0, ...call.function } }]
    expect((await whole('chat', chat)).message).toEqual({ role: 'assistant', content: '', tool_calls: told })
    const pieces = await lines('chat', chat)
    expect(pieces.flatMap(({ message }) => message?.tool_calls ?? [])).toEqual(told)
    const messages = [
      asked,
      { role: 'assistant', content: '', tool_calls: [call] },
      { role: 'tool', tool_name: 'get_weather', content: '12 degrees' },
    ]
    expect((await whole('chat', { ...chat, messages })).message?.content).toContain('12 degrees')
  })

  it('a call that was cut off is text', async () => {
    const chat = {
      model: 'demo',
      messages: [asked],
      tools: [weather],
      options: { temperature: 0, num_predict: 14 },
    }
    const { message } = await whole('chat', chat)
    expect(message).toEqual({ role: 'assistant', content: expect.stringContaining('"name":"get_weather"') })
    const pieces = await lines('chat', chat)
    expect(pieces.map((piece) => piece.message?.content).join('')).toBe(message?.content)
  })

  it.each([
    ['"json"', 'json', expect.any(Object)],
    [
      'a schema',
      {
        type: 'object',
        properties: { a: { type: 'integer' } },
        required: ['a'],
        additionalProperties: false,
      },
      { a: expect.any(Number) },
    ],
  ])('an answer with a format is held to %s', async (_, format, expected) => {
    const messages = [user('Give me a number a.')]
    const { message } = await whole('chat', { model: 'demo', messages, format, options: { temperature: 0 } })
    expect(JSON.parse(message?.content ?? '')).toEqual(expected)
  })

  it('a thought comes where think asks for it, apart from the content', async () => {
    const chat = { model: 'demo', messages: [user('Hello')], options: { temperature: 0 } }
    expect((await whole('chat', { ...chat, think: true })).message?.thinking).toMatch(/\w/)
    const pieces = await lines('chat', { ...chat, think: 'high' })
    expect(pieces.map(({ message }) => message?.thinking ?? '').join('')).toMatch(/\w/)
    expect((await whole('chat', { ...chat, think: false })).message).not.toHaveProperty('thinking')
  })

  it('an answer that comes last is gone on with, as in chat completions', async () => {
    const messages = [user('What is 17 + 25?'), { role: 'assistant', content: '17 + 25' }]
    const { message } = await whole('chat', { ...sum, messages })
    const openAi = await postJson(
      `${server.url}/v1/chat/completions`,
      { model: 'demo', messages, temperature: 0, max_tokens: 30 },
      { authorization: `Bearer ${all}` },
    )
    expect(await openAi.json()).toMatchObject({ choices: [{ message: { content: message?.content } }] })
    expect(message?.content).toMatch(/^ = 42/)
    const pieces = await lines('chat', { ...sum, messages })
    expect(pieces.map((piece) => piece.message?.content).join('')).toBe(message?.content)
  })

  it('an answer has the log probabilities of its tokens', async () => {
    const answer = await whole('chat', { ...sum, logprobs: true, top_logprobs: 2 })
    expect(answer).toMatchObject({
      logprobs: expect.arrayContaining([expect.objectContaining({ token: '1' })]),
    })
  })

  it('a request without messages or a prompt is answered as one that loads the model', async () => {
    for (const [path, body] of [
      ['chat', { model: 'demo', messages: [], keep_alive: 0 }],
      ['generate', { model: 'demo' }],
    ] as const)
      expect(await (await ask(path, body)).json()).toMatchObject({ done: true, done_reason: 'load' })
  })

  it.each<[object, RegExp]>([
    [{ messages: [{ role: 'user', content: 'x', images: ['aGk='] }] }, /images.*text only/],
    [{ messages: [{ role: 'wizard', content: 'x' }] }, /messages\[0\]\.role/],
    [{ messages: [asked, { role: 'tool', content: '12' }] }, /no tool call/],
    [
      { messages: [asked, { role: 'assistant', tool_calls: [call] }, user('And?')] },
      /'get_weather' has no message/,
    ],
    [{ format: 'xml' }, /'format'.*'json'/],
    [{ format: { type: 'something' } }, /format/],
    [{ think: 'perhaps' }, /think/],
    [{ options: { temperature: 9 } }, /options\.temperature/],
    [{ options: { num_predict: 'x' } }, /options\.num_predict/],
    [{ stream: 'no' }, /stream/],
    [{ messages: [user('word '.repeat(20_000))] }, /\d+ tokens/],
  ])('a chat with %j is refused in the form of Ollama', async (more, message) => {
    const answer = await ask('chat', { ...sum, ...more })
    expect([answer.status, await answer.json()]).toEqual([400, { error: expect.stringMatching(message) }])
  })
})

describe('POST /api/generate', () => {
  const options = { temperature: 0, num_predict: 40 }

  it('a prompt is answered as a chat', async () => {
    const prompt = 'What is 17 + 25?'
    const { response } = await whole('generate', { model: 'demo', prompt, options })
    expect(response).toBe((await whole('chat', sum)).message?.content)
    const pieces = await lines('generate', { model: 'demo', prompt, system: '', template: '', options })
    expect(pieces.map((piece) => piece.response).join('')).toBe(response)
    expect(pieces.at(-1)).toMatchObject({ response: '', done_reason: 'stop', ...numbers })
    expect((await whole('generate', { model: 'demo', prompt, think: true, options })).thinking).toMatch(/\w/)
  })

  it('a raw prompt is continued', async () => {
    const prompt = 'Once upon a time'
    const raw = { model: 'demo', prompt, raw: true, options: { ...options, num_predict: 8 } }
    const { response } = await whole('generate', raw)
    const completion = { model: 'demo', prompt, max_tokens: 8, temperature: 0 }
    const openAi = await postJson(`${server.url}/v1/completions`, completion, {
      authorization: `Bearer ${all}`,
    })
    expect(await openAi.json()).toMatchObject({ choices: [{ text: response }] })
    expect((await lines('generate', raw)).map((piece) => piece.response).join('')).toBe(response)
    const ignored = await ask('generate', { ...raw, system: 'Be brief.' })
    expect(ignored.headers.get('x-ignored-params')).toBe('system')
    await ignored.text()
  })

  it.each<[object, RegExp]>([
    [{ template: '{{ .Prompt }}' }, /template/],
    [{ context: [1, 2] }, /context.*\/api\/chat/],
    [{ images: ['aGk='] }, /images/],
    [{ suffix: 'x' }, /suffix.*middle/],
    [{ prompt: 5 }, /prompt/],
  ])('a prompt with %j is refused', async (more, message) => {
    const answer = await ask('generate', { model: 'demo', prompt: 'Hi', ...more })
    expect([answer.status, await answer.json()]).toEqual([400, { error: expect.stringMatching(message) }])
  })
})

describe('vectors and models', () => {
  it('one input and several have the vectors that /v1/embeddings computes', async () => {
    const headers = { authorization: `Bearer ${all}` }
    const openAi = await postJson(
      `${server.url}/v1/embeddings`,
      { model: 'vectors', input: ['Hi', 'you'] },
      headers,
    )
    const { data } = (await openAi.json()) as { data: { embedding: number[] }[] }
    const embeddings = data.map(({ embedding }) => embedding)
    expect(await whole('embed', { model: 'vectors:latest', input: ['Hi', 'you'] })).toMatchObject({
      model: 'vectors',
      embeddings,
      prompt_eval_count: expect.any(Number),
    })
    expect(await whole('embeddings', { model: 'vectors', prompt: 'Hi' })).toEqual({
      embedding: embeddings[0],
    })
    const llama = await postJson(
      `${server.url}/embedding`,
      { model: 'vectors', content: ['Hi', 'you'] },
      headers,
    )
    expect(await llama.json()).toEqual(embeddings.map((each, index) => ({ index, embedding: [each] })))
    const short = await whole<{ embeddings: number[][] }>('embed', {
      model: 'vectors',
      input: 'Hi',
      dimensions: 8,
    })
    expect(short.embeddings[0]).toHaveLength(8)
    const wrong = await ask('embed', { model: 'demo', input: 'Hi' })
    expect([wrong.status, await wrong.json()]).toEqual([
      400,
      { error: expect.stringContaining('no embeddings') },
    ])
  })

  it('models are listed, and each is described', async () => {
    const { models } = (await (await get('tags')).json()) as { models: { name: string; size?: number }[] }
    expect(models.map(({ name }) => name)).toEqual(['demo', 'vectors'])
    expect(models[0]?.size).toBeGreaterThan(1_000_000)
    expect(await (await get('ps')).json()).toMatchObject({
      models: [{ name: 'demo', context_length: 2048 }, {}],
    })
    for (const named of [{ model: 'demo' }, { name: 'demo:latest' }])
      expect(await whole('show', named)).toMatchObject({
        details: { family: 'qwen3', quantization_level: 'Q8_0' },
        model_info: { 'general.architecture': 'qwen3', 'qwen3.context_length': 2048 },
        capabilities: ['completion', 'tools', 'thinking'],
      })
    expect(await whole('show', { model: 'vectors' })).toMatchObject({ capabilities: ['embedding'] })
    expect(await (await get('version')).json()).toEqual({ version: expect.stringMatching(/^0\.\d+\.\d+$/) })
  })

  it('a key sees only the models that it may use, by every name', async () => {
    const { models } = (await (await get('tags', few)).json()) as { models: { name: string }[] }
    expect(models.map(({ name }) => name)).toEqual(['vectors'])
    expect(await (await get('ps', few)).text()).not.toContain('demo')
    for (const [path, body] of [
      ['chat', sum],
      ['chat', { ...sum, model: 'demo:latest' }],
      ['show', { name: 'demo' }],
      ['show', { model: 'demo:latest', name: 'vectors' }],
      ['generate', { model: 'demo', prompt: 'Hi' }],
    ] as const)
      expect((await ask(path, body, few)).status).toBe(404)
    expect((await ask('embed', { model: 'vectors:latest', input: 'Hi' }, few)).status).toBe(200)
    expect((await get('tags', 'sk-nobody-0123456789')).status).toBe(401)
  })

  it.each(['pull', 'push', 'create', 'copy'])('POST /api/%s is refused with the reason', async (path) => {
    const answer = await ask(path, { model: 'demo' })
    expect([answer.status, await answer.json()]).toEqual([
      403,
      { error: expect.stringContaining('operator') },
    ])
  })

  it('DELETE /api/delete is refused with the reason', async () => {
    const headers = { authorization: `Bearer ${all}`, 'content-type': 'application/json' }
    const answer = await fetch(`${server.url}/api/delete`, {
      method: 'DELETE',
      headers,
      body: '{"model":"demo"}',
    })
    expect([answer.status, await answer.json()]).toEqual([
      403,
      { error: expect.stringContaining('operator') },
    ])
  })

  it('an unknown path or model is a 404 in the form of Ollama', async () => {
    const none = await ask('nothing', {})
    expect([none.status, await none.json()]).toEqual([
      404,
      { error: expect.stringContaining('/api/nothing') },
    ])
    const unknown = await ask('chat', { ...sum, model: 'nobody' })
    expect([unknown.status, await unknown.json()]).toEqual([
      404,
      { error: expect.stringContaining('nobody') },
    ])
  })
})

describe('a client of a stream of lines', () => {
  it('a client that leaves a stream of lines ends its generation', async () => {
    const body = JSON.stringify({ ...sum, options: { num_predict: 1500, ignore_eos: true } })
    const { hostname, port } = new URL(server.url)
    const socket = connect(Number(port), hostname)
    const head = `POST /api/chat HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${all}\r\ncontent-type: application/json`
    socket.write(`${head}\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
    await new Promise((resolve) => socket.once('data', resolve))
    socket.destroy()
    const running = (): Promise<number | undefined> => metric(server.url, 'vllm:num_requests_running')
    await expect.poll(running, { timeout: 20_000 }).toBe(0)
    await text(socket).catch(() => undefined)
  })
})
