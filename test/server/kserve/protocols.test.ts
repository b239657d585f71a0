import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '../../support/server.ts'
import { SilentHub } from '../../support/silent-hub.ts'

const names = ['m', 'publishers/ns/models/m']
const messages = [{ role: 'user', content: 'Hello' }]
let server: TestServer
let strict: TestServer
let loading: TestServer
const hub = new SilentHub()

beforeAll(async () => {
  server = await startServer(['--served-model-name', ...names])
  strict = await startServer(['--served-model-name', 'm', '--strict-params'])
  const source = ['--model', 'hf:o/demo:Q8_0', '--hf-endpoint', await hub.start()]
  loading = await startServer([...source, '--served-model-name', 'm'], 'listening')
})
afterAll(async () => {
  await Promise.all([server, strict, loading].map((each) => each.stop()))
  hub.stop()
})

async function get(path: string, from = server): Promise<[number, unknown]> {
  const response = await fetch(from.url + path)
  return [response.status, await response.json()]
}

function post(path: string, body: object, to = server): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  return fetch(to.url + path, { method: 'POST', headers, body: JSON.stringify(body) })
}

describe('a ready server', () => {
  const metadata = { versions: [], platform: 'altiplano_llamacpp', inputs: [], outputs: [] }
  const rows: [string, object | object[]][] = [
    ['/', { status: 'alive' }],
    ['/v2', { name: 'altiplano', version: expect.stringMatching(/^\d+\.\d+\.\d+/), extensions: [] }],
    ['/v2/health/live', { live: true }],
    ['/v2/health/ready', { ready: true }],
    ['/v2/models', { models: names }],
    ['/v2/models/m', { name: 'm', ...metadata }],
    ['/v2/models/publishers/ns/models/m', { name: 'publishers/ns/models/m', ...metadata }],
    ['/v2/models/publishers%2Fns%2Fmodels%2Fm/ready', { name: 'publishers/ns/models/m', ready: true }],
    ['/v2/models/m/ready', { name: 'm', ready: true }],
    ['/v2/repository/index', names.map((name) => ({ name, version: '', state: 'READY', reason: '' }))],
    [
      '/v1/models',
      { object: 'list', models: names, data: names.map((id) => expect.objectContaining({ id })) },
    ],
    [
      '/openai/v1/models/publishers/ns/models/m',
      expect.objectContaining({ id: names[1], object: 'model', name: names[1], ready: true }),
    ],
  ]
  it.each(rows)('a ready server answers %s', async (path, expected) => {
    expect(await get(path)).toEqual([200, expected])
  })
})

describe('a server that loads its model', () => {
  const reason = expect.any(String)
  const rows: [string, number, object][] = [
    ['/', 200, { status: 'alive' }],
    ['/health/live', 200, { status: 'alive' }],
    ['/health/ready', 503, { status: 'not ready', reason }],
    ['/v2/health/live', 200, { live: true }],
    ['/v2/health/ready', 503, { ready: false, reason }],
    ['/v2/models/m/ready', 503, { name: 'm', ready: false, reason }],
    ['/v2/repository/index', 200, [{ name: 'm', version: '', state: 'UNAVAILABLE', reason }]],
    [
      '/v1/models/m',
      503,
      { name: 'm', ready: false, error: expect.objectContaining({ code: 'model_loading' }) },
    ],
  ]
  it.each(rows)('a server that loads its model answers %s: %i', async (path, status, expected) => {
    expect(await get(path, loading)).toEqual([status, expected])
  })

  it('the repository index of ready models is empty while the model loads', async () => {
    expect(await (await post('/v2/repository/index', { ready: true }, loading)).json()).toEqual([])
    expect(await (await post('/v2/repository/index', { ready: true })).json()).toHaveLength(2)
  })
})

const inference = ['/v1/models/m:predict', '/openai/v1/models/m:predict', '/v2/models/m/infer']

describe.each(inference)('POST %s', (path) => {
  it(`POST ${path} answers a chat as the chat endpoint does`, async () => {
    const body = { messages, temperature: 0, max_tokens: 8 }
    const [ours, theirs] = await Promise.all([
      post(path, body),
      post('/v1/chat/completions', { ...body, model: 'm' }),
    ])
    expect(ours.headers.get('x-ignored-params')).toBe(null)
    const [mine, openai] = [await ours.json(), await theirs.json()] as OpenAI.ChatCompletion[]
    expect(mine?.choices).toEqual(openai?.choices)
    expect([mine?.object, mine?.model]).toEqual(['chat.completion', 'm'])
  })

  it(`POST ${path} streams a completion`, async () => {
    const text = await (await post(path, { prompt: 'Hello', max_tokens: 3, stream: true })).text()
    expect(text).toContain('"object":"text_completion"')
    expect(text.trimEnd().endsWith('data: [DONE]')).toBe(true)
  })

  it(`POST ${path} serves the model of its path, and says so where the body names another`, async () => {
    const response = await post(path, { model: 'graph', prompt: 'a', max_tokens: 1, nonsense: 1 })
    expect(response.headers.get('x-ignored-params')).toBe('model, nonsense')
    expect(((await response.json()) as { model: string }).model).toBe('m')
  })
})

describe("errors in OpenAI's shape", () => {
  const chat = { messages }
  const rows: [string, string, object, number, string][] = [
    ['an unknown model', '/v1/models/other:predict', chat, 404, 'model_not_found'],
    ['an unknown model, V2', '/v2/models/other/infer', chat, 404, 'model_not_found'],
    ['an explanation', '/v1/models/m:explain', chat, 404, 'unknown_url'],
    ['a POST to a model', '/v1/models/m', chat, 405, 'method_not_supported'],
    ['a version', '/v2/models/m/versions/1/infer', chat, 404, 'model_not_found'],
    ['V1 instances', '/v1/models/m:predict', { instances: [] }, 400, 'missing_required_parameter'],
    ['V2 tensors', '/v2/models/m/infer', { inputs: [] }, 400, 'missing_required_parameter'],
    ['a bad field', '/v2/models/m/infer', { messages: 'x' }, 400, 'invalid_type'],
    ['a name of no string', '/v2/models/m/infer', { ...chat, model: 1 }, 400, 'invalid_type'],
    ['a list', '/v2/models/m/infer', [], 400, 'invalid_json'],
    ['an index of what', '/v2/repository/index', { ready: 1 }, 400, 'invalid_type'],
  ]
  it.each(rows)('KServe requests get OpenAI errors: %s', async (_, path, body, status, code) => {
    const response = await post(path, body)
    expect([response.status, await response.json()]).toEqual([
      status,
      {
        error: expect.objectContaining({ code, message: expect.any(String), type: 'invalid_request_error' }),
      },
    ])
  })

  it.each(['/v1/models/other', '/v2/models/other', '/v2/models/other/ready', '/v2/models/m/versions/1'])(
    'an unknown model or version is refused in the shape of OpenAI: GET %s',
    async (path) => {
      const body = { error: expect.objectContaining({ code: 'model_not_found' }) }
      expect(await get(path)).toEqual([404, body])
    },
  )

  it('another model in the body is refused where parameters are strict', async () => {
    const response = await post('/v1/models/m:predict', { model: 'graph', messages }, strict)
    expect([response.status, await response.json()]).toMatchObject([400, { error: { param: 'model' } }])
  })
})

it('the server keeps idle connections longer than the 60 s of a proxy before it', async () => {
  const [answer] = (await once(
    request(`${server.url}/health`, { agent: new Agent({ keepAlive: true }) }).end(),
    'response',
  )) as [IncomingMessage]
  answer.resume()
  const seconds = Number(/timeout=(\d+)/.exec(String(answer.headers['keep-alive']))?.[1])
  expect(seconds).toBeGreaterThan(65)
})

it.each(names)('an answer echoes the model name of its request: %s', async (model) => {
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none' })
  const answer = await client.completions.create({ model, prompt: 'Hello', max_tokens: 1 })
  expect(answer.model).toBe(model)
  expect((await client.models.retrieve(model)).id).toBe(model)
  for await (const page of client.models.list()) expect(names).toContain(page.id)
})
