import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { writeEmbeddingModel } from '../support/embedding-model.ts'
import { metric } from '../support/metrics.ts'
import { startServer, type TestServer } from '../support/server.ts'

const texts = ['What is the capital of Peru?', 'Hello!', 'Two and two are four, and three and three are six.']
let folder = ''
let server: TestServer
let client: OpenAI

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'embedding-'))
  await writeEmbeddingModel(join(folder, 'tiny.gguf'))
  const flags = ['--served-model-name', 'chat', '--embedding-model-name', 'vectors']
  const size = ['--embedding-context-size', '64']
  server = await startServer([...flags, ...size, '--embedding-model', join(folder, 'tiny.gguf')])
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 })
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

interface Answer {
  readonly data: readonly { readonly index: number; readonly embedding: number[] }[]
  readonly usage: { readonly prompt_tokens: number; readonly total_tokens: number }
}

const post = (body: object, path = 'embeddings'): Promise<Response> =>
  fetch(`${server.url}/v1/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'vectors', ...body }),
  })
const embed = async (body: object): Promise<Answer> => {
  const response = await post(body)
  expect(response.status).toBe(200)
  return (await response.json()) as Answer
}
const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, index) => sum + value * (b[index] ?? Number.NaN), 0)
const first = (answer: Answer): number[] => answer.data[0]?.embedding ?? []

it('each input of an array gets the vector it has alone, in order, with norm 1', async () => {
  const together = await embed({ input: texts })
  expect(together.data.map(({ index }) => index)).toEqual([0, 1, 2])
  let tokens = 0
  for (const [index, input] of texts.entries()) {
    const alone = await embed({ input })
    tokens += alone.usage.prompt_tokens
    const vector = together.data[index]?.embedding ?? []
    expect(dot(first(alone), vector)).toBeGreaterThan(0.9999)
    expect(dot(vector, vector)).toBeCloseTo(1, 5)
  }
  expect(together.usage).toEqual({ prompt_tokens: tokens, total_tokens: tokens })
  expect(dot(together.data[0]?.embedding ?? [], together.data[1]?.embedding ?? [])).toBeLessThan(0.999)
})

it('an embedding depends on every token, and concurrent requests do not mix', async () => {
  const inputs = Array.from({ length: 12 }, (_, index) => `The number ${index} of ${index * 7}`)
  const alone: number[][] = []
  for (const input of inputs) alone.push(first(await embed({ input })))
  const atOnce = await Promise.all(inputs.map((input) => embed({ input })))
  for (const [index, answer] of atOnce.entries()) {
    expect(dot(first(answer), alone[index] ?? [])).toBeGreaterThan(0.9999)
  }
})

it('an embedding in base64, as openai-node requests it, equals the one in floats', async () => {
  const viaSdk = await client.embeddings.create({ model: 'vectors', input: texts[0] ?? '' })
  const floats = first(await embed({ input: texts[0], encoding_format: 'float' }))
  expect(viaSdk.data[0]?.embedding.length).toBe(floats.length)
  for (const [index, value] of (viaSdk.data[0]?.embedding ?? []).entries()) {
    expect(Math.fround(value)).toBe(Math.fround(floats[index] ?? Number.NaN))
  }
  const wire = (await (await post({ input: 'x', encoding_format: 'base64' })).json()) as Answer
  expect(typeof wire.data[0]?.embedding).toBe('string')
})

it('embeddings accept one list of token ids or several, and count their tokens', async () => {
  const one = await embed({ input: [1, 2, 3] })
  const two = await embed({
    input: [
      [1, 2, 3],
      [4, 5],
    ],
  })
  expect(dot(first(one), first(two))).toBeGreaterThan(0.9999)
  expect(two.usage.prompt_tokens).toBe(5)
})

it('control tokens of the model are accepted at both ends of token ids, and nowhere else', async () => {
  const control = 2042 // <|im_start|>
  expect((await embed({ input: [control, 10, control] })).usage.prompt_tokens).toBe(3)
  const response = await post({ input: [[10], [control, control, 10]] })
  const { error } = (await response.json()) as { error: { code: string; message: string } }
  expect([response.status, error.code]).toEqual([400, 'invalid_value'])
  expect(error.message).toContain('input[1][1]')
  expect(error.message).toContain('at the start and the end only')
})

it('vectors of fewer dimensions are normalised again', async () => {
  const whole = first(await embed({ input: 'Hello' })).slice(0, 8)
  const short = first(await embed({ input: 'Hello', dimensions: 8 }))
  expect(short.length).toBe(8)
  expect(dot(short, short)).toBeCloseTo(1, 5)
  expect(dot(short, whole) / Math.hypot(...whole)).toBeCloseTo(1, 5)
})

it('an input of exactly the context is embedded, and one more token is refused', async () => {
  const ids = (length: number): number[] => Array.from({ length }, (_, index) => 10 + index)
  expect((await embed({ input: ids(64) })).usage.prompt_tokens).toBe(64)
  const response = await post({ input: [[1], ids(65)] })
  const { error } = (await response.json()) as { error: { code: string; message: string } }
  expect([response.status, error.code]).toEqual([400, 'context_length_exceeded'])
  expect(error.message).toMatch(/64 tokens.*input\[1\].*65 tokens/)
})

it.each([undefined, null, ''])(
  'the only embedding model serves a request whose model is %s',
  async (none) => {
    const response = await post({ input: 'x', model: none })
    expect([response.status, await response.json()]).toMatchObject([200, { model: 'vectors' }])
  },
)

const tooMany = Array.from({ length: 2049 }, () => 'x')
const refusals: readonly [object, number, string][] = [
  [{}, 400, 'missing_required_parameter'],
  [{ input: null }, 400, 'missing_required_parameter'],
  [{ input: Number.NaN }, 400, 'missing_required_parameter'],
  [{ input: '' }, 400, 'invalid_value'],
  [{ input: [''] }, 400, 'invalid_value'],
  [{ input: [] }, 400, 'empty_array'],
  [{ input: [[]] }, 400, 'empty_array'],
  [{ input: 3 }, 400, 'invalid_type'],
  [{ input: {} }, 400, 'invalid_type'],
  [{ input: [null] }, 400, 'invalid_type'],
  [{ input: ['a', 1] }, 400, 'invalid_type'],
  [{ input: ['a', [1]] }, 400, 'invalid_type'],
  [{ input: [[1], 'a'] }, 400, 'invalid_type'],
  [{ input: [1, 'a'] }, 400, 'invalid_type'],
  [{ input: [-1] }, 400, 'invalid_value'],
  [{ input: [1.5] }, 400, 'invalid_value'],
  [{ input: [[2 ** 31]] }, 400, 'invalid_value'],
  [{ input: tooMany }, 400, 'array_above_max_length'],
  [{ input: 'word '.repeat(5000) }, 400, 'context_length_exceeded'],
  [{ input: 'x', encoding_format: 'hex' }, 400, 'invalid_value'],
  [{ input: 'x', encoding_format: 1 }, 400, 'invalid_type'],
  [{ input: 'x', dimensions: 0 }, 400, 'integer_below_min_value'],
  [{ input: 'x', dimensions: 1e6 }, 400, 'integer_above_max_value'],
  [{ input: 'x', dimensions: 1.5 }, 400, 'invalid_type'],
  [{ input: 'x', model: 'chat' }, 400, 'wrong_model_kind'],
  [{ input: 'x', model: 'nobody' }, 404, 'model_not_found'],
]
it.each(refusals)('the embeddings endpoint refuses %j', async (body, status, code) => {
  const response = await post(body)
  const { error } = (await response.json()) as { error: { code: string } }
  expect([response.status, error.code]).toEqual([status, code])
})

it('a request after the embedding process was killed is served', async () => {
  const before = first(await embed({ input: 'Hello' }))
  const [pid] = execFileSync('pgrep', ['-P', String(server.process.pid), '-f', 'altiplano embedding'], {
    encoding: 'utf8',
  }).split('\n')
  process.kill(Number(pid), 'SIGKILL')
  expect(dot(first(await embed({ input: 'Hello' })), before)).toBeGreaterThan(0.9999)
  expect(await metric(server.url, 'altiplano_child_restarts_total', { process: 'embedding' })).toBe(1)
  const chat = await post({ model: 'chat', prompt: 'x', max_tokens: 1 }, 'completions')
  expect(chat.status).toBe(200)
})

it('a chat with the embedding model is refused, and both models are listed', async () => {
  for (const path of ['chat/completions', 'completions']) {
    const response = await post({ prompt: 'x', messages: [{ role: 'user', content: 'x' }] }, path)
    expect(await response.json()).toMatchObject({ error: { code: 'wrong_model_kind' } })
  }
  const { data } = await client.models.list()
  expect(data.map(({ id }) => id)).toEqual(['chat', 'vectors'])
  expect(await client.models.retrieve('vectors')).toMatchObject({ id: 'vectors', max_model_len: 64 })
})

it('a generating model as --embedding-model leaves the server unready, with a reason', async () => {
  const other = await startServer(
    [
      '--embedding-model',
      join(import.meta.dirname, '../../models/altiplano-demo.gguf'),
      '--embedding-model-name',
      'v',
    ],
    'listening',
  )
  try {
    await expect
      .poll(() => other.logs.join('\n'), { timeout: 60_000 })
      .toContain('neither an embedding model nor a reranking one')
    expect((await fetch(`${other.url}/health/ready`)).status).toBe(503)
  } finally {
    await other.stop()
  }
})
