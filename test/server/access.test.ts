import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { shareOf } from '../../src/api/sharing.ts'
import { readApiKeys, type Tenant } from '../../src/http/access/api-keys.ts'
import { TenantLimits } from '../../src/http/access/tenant-limits.ts'
import { writeEmbeddingModel } from '../support/embedding-model.ts'
import { writeLoraAdapter } from '../support/lora-adapter.ts'
import { samples } from '../support/samples/samples.ts'
import { startServer, type TestServer } from '../support/server.ts'

const folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
const file = join(folder, 'keys.yaml')
const sha256 = (key: string): string => createHash('sha256').update(key).digest('hex')
const OPEN = ['/health', '/health/live', '/health/ready', '/v2/health/live', '/v2/health/ready', '/metrics']
const plain = 'sk-plain-0123456789'
const hashed = 'sk-hashed-0123456789'
const few = 'sk-few-012345678901'
const frugal = 'sk-frugal-0123456789'
const eager = 'sk-eager-0123456789'
const slow = 'sk-slow-01234567890'
const reader = 'sk-reader-0123456789'

const moon = 'The moon rose over the quiet lake, and nobody saw it. '
const READERS = [
  ['/tokenize', { prompt: moon.repeat(4) }],
  ['/tokenize', { content: moon.repeat(4) }],
  ['/tokenize', { messages: [{ role: 'user', content: moon.repeat(4) }] }],
  ['/detokenize', { tokens: Array(90).fill(300) }],
  ['/v1/completions/render', { model: 'second', prompt: [moon.repeat(2), moon.repeat(2)] }],
  ['/v1/chat/completions/render', { model: 'second', messages: [{ role: 'user', content: moon.repeat(4) }] }],
  ['/v1/messages/count_tokens', { model: 'second', messages: [{ role: 'user', content: moon.repeat(4) }] }],
  ['/v1/responses/input_tokens', { model: 'second', input: moon.repeat(4) }],
] as const

function writeKeys(...more: string[]): void {
  writeFileSync(
    file,
    [
      'keys:',
      `  - { name: plain, key: ${plain} }`,
      `  - { name: hashed, key: "sha256:${sha256(hashed)}" }`,
      `  - { name: few, key: ${few}, models: [second] }`,
      `  - { name: frugal, key: ${frugal}, tokens_per_minute: 30 }`,
      `  - { name: eager, key: ${eager}, tokens_per_minute: 400 }`,
      ...READERS.map((_, index) => `  - { name: r${index}, key: ${reader}${index}, tokens_per_minute: 100 }`),
      `  - { name: slow, key: ${slow}, requests_per_minute: 2 }`,
      ...more,
    ].join('\n'),
  )
}

let server: TestServer
const url = (path: string): string => `${server.url}${path}`
const post = (path: string, key: string, body: object): Promise<Response> =>
  fetch(url(path), {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
const models = (headers: Record<string, string> = {}): Promise<Response> =>
  fetch(url('/v1/models'), { headers })

beforeAll(async () => {
  writeKeys()
  server = await startServer(['--api-keys', file, '--served-model-name', 'altiplano-demo,second'])
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

describe('API keys', () => {
  const routes = [
    ...samples.map(({ method, route, url: path = route }) => ({ method, path })),
    { method: 'GET', path: '/openapi.json' },
    { method: 'GET', path: '/nowhere' },
    { method: 'POST', path: '/v1/nowhere' },
    { method: 'DELETE', path: '/v1/models/demo' },
    { method: 'GET', path: '//health' },
    { method: 'GET', path: '/health/../v1/models' },
  ].filter(({ path }) => !OPEN.includes(path))

  it.each(routes)('$method $path without a key is refused with 401', async ({ method, path }) => {
    const answer = await fetch(url(path), { method })
    const anthropic = path.startsWith('/v1/messages')
    expect(answer.status).toBe(401)
    expect(await answer.json()).toMatchObject({
      error: anthropic ? { type: 'authentication_error' } : { code: 'invalid_api_key' },
    })
    expect(answer.headers.get('www-authenticate')).toBe('Bearer')
  })

  it.each(OPEN)('the gateway serves %s without a key', async (path) => {
    expect((await fetch(url(path))).status).toBe(200)
  })

  it.each([
    ['Bearer', { authorization: `Bearer ${plain}` }, 200],
    ['bearer in small letters', { authorization: `bearer ${hashed}` }, 200],
    ['x-api-key', { 'x-api-key': hashed }, 200],
    ['the hash instead of the key', { authorization: `Bearer ${sha256(hashed)}` }, 401],
    ['the hash as it is in the file', { authorization: `Bearer sha256:${sha256(hashed)}` }, 401],
    ['a key with a letter more', { authorization: `Bearer ${plain}x` }, 401],
    ['another scheme', { authorization: `Basic ${plain}` }, 401],
    ['nothing', {}, 401],
    ['a wrong bearer beside a right x-api-key', { authorization: 'Bearer no', 'x-api-key': plain }, 401],
  ])('a request is admitted or refused by the key in its headers: %s', async (_name, headers, status) => {
    expect((await models(headers as Record<string, string>)).status).toBe(status)
  })

  it('the Anthropic SDK authenticates with an API key, and raises its own error for a wrong one', async () => {
    const send = (apiKey: string): Promise<Anthropic.Message> =>
      new Anthropic({ baseURL: server.url, apiKey, maxRetries: 0 }).messages.create({
        model: 'altiplano-demo',
        messages: [{ role: 'user', content: 'Hi' }],
        max_tokens: 1,
      })
    expect((await send(plain)).usage.output_tokens).toBe(1)
    await expect(send('sk-wrong')).rejects.toBeInstanceOf(Anthropic.AuthenticationError)
  })

  it('the OpenAI SDK authenticates with an API key, and raises its own error for a wrong one', async () => {
    const client = (apiKey: string): OpenAI => new OpenAI({ baseURL: url('/v1'), apiKey, maxRetries: 0 })
    const body = { model: 'altiplano-demo', messages: [{ role: 'user', content: 'Hi' }] } as const
    const chat = await client(plain).chat.completions.create({ ...body, messages: [...body.messages] })
    expect(chat.choices).toHaveLength(1)
    await expect(
      client('sk-wrong').chat.completions.create({ ...body, messages: [...body.messages] }),
    ).rejects.toBeInstanceOf(OpenAI.AuthenticationError)
  })

  it('the requests of a key are limited per minute, with rate-limit headers and retry-after', async () => {
    const send = (): Promise<Response> =>
      fetch(url('/v1/completions'), {
        method: 'POST',
        headers: { authorization: `Bearer ${slow}`, 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'altiplano-demo', prompt: 'Hi', max_tokens: 1 }),
      })
    const answers = [await send(), await send(), await send()]
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429])
    expect(answers.map(({ headers }) => headers.get('x-ratelimit-remaining-requests'))).toEqual([
      '1',
      '0',
      '0',
    ])
    expect(Number(answers[2]?.headers.get('retry-after'))).toBeGreaterThan(20)
    expect((await models({ authorization: `Bearer ${slow}` })).status).toBe(200)
  })

  it('concurrent prompts of a key are admitted while its tokens per minute cover them', async () => {
    const prompt = 'The moon rose over the quiet lake, and nobody saw it. '.repeat(5)
    const asked = Array.from({ length: 6 }, () =>
      post('/v1/completions', eager, { model: 'second', prompt, max_tokens: 1 }),
    )
    const answers = await Promise.all(asked)
    const served = answers.filter(({ status }) => status === 200)
    const refused = answers.filter(({ status }) => status === 429)
    expect([served.length, refused.length]).toEqual([2, 4])
    for (const answer of served) {
      const { usage } = (await answer.json()) as { usage: { prompt_tokens: number } }
      expect(usage.prompt_tokens).toBeGreaterThan(134)
      expect(usage.prompt_tokens).toBeLessThan(200)
    }
    expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await refused[0]?.json()).toMatchObject({ error: { code: 'rate_limit_exceeded' } })
  })

  it.each(READERS.map(([path, body], index) => ({ path, body, key: `${reader}${index}` })))(
    'the prompt tokens of $path count against the limit of a key, though nothing is generated',
    async ({ path, body, key }) => {
      const answers = [await post(path, key, body), await post(path, key, body)]
      expect(answers.map(({ status }) => status)).toEqual([200, 429])
      const remaining = Number(answers[1]?.headers.get('x-ratelimit-remaining-tokens'))
      expect(remaining).toBeLessThan(50)
      expect(Number(answers[1]?.headers.get('retry-after'))).toBeGreaterThan(5)
    },
  )

  it('generated tokens count against the limit of a key as they are generated', async () => {
    const send = (): Promise<Response> => post('/v1/completions', frugal, { prompt: 'Hi', ...forty })
    const forty = { model: 'second', max_tokens: 40, ignore_eos: true }
    const first = await send()
    expect([first.status, first.headers.get('x-ratelimit-remaining-tokens')]).toEqual([200, '30'])
    await first.text()
    const second = await send()
    expect([second.status, second.headers.get('x-ratelimit-remaining-tokens')]).toEqual([429, '0'])
    expect(second.headers.get('x-ratelimit-limit-tokens')).toBe('30')
    // It owes ten and the prompt: a token comes in two seconds.
    expect(Number(second.headers.get('retry-after'))).toBeGreaterThan(20)
    expect(await second.json()).toMatchObject({
      error: {
        code: 'rate_limit_exceeded',
        message: expect.stringMatching(/tokens.*try again in \d+\.\d+s\.$/),
      },
    })
  })

  const messages = [{ role: 'user', content: 'Hi' }]
  it.each([
    ['/v1/chat/completions', { messages, max_tokens: 1 }],
    ['/v1/completions', { prompt: 'Hi', max_tokens: 1 }],
    ['/v1/responses', { input: 'Hi', max_output_tokens: 1 }],
    ['/v1/messages', { messages, max_tokens: 1 }],
    ['/tokenize', { prompt: 'Hi' }],
  ])('a model that the key may not use is unknown to it: %s', async (path, body) => {
    const ask = (model: string): Promise<Response> => post(path, few, { ...body, model })
    expect((await ask('second')).status).toBe(200)
    const [hidden, absent] = [await ask('altiplano-demo'), await ask('absent-demo-abc')]
    expect([hidden.status, absent.status]).toEqual([404, 404])
    const text = async (answer: Response, name: string): Promise<string> =>
      (await answer.text()).replaceAll(name, 'NAME').replace(/"request_id":"[^"]*"/, '')
    expect(await text(hidden, 'altiplano-demo')).toBe(await text(absent, 'absent-demo-abc'))
  })

  it('the list of models has only those that the key may use', async () => {
    const headers = { authorization: `Bearer ${few}` }
    for (const path of ['/v1/models', '/v2/models', '/v2/repository/index', '/props']) {
      const answer = await fetch(url(path), { headers })
      const text = await answer.text()
      expect([answer.status, text.includes('second'), text.includes('altiplano-demo')]).toEqual([
        200,
        true,
        false,
      ])
    }
    for (const path of ['/v1/models/NAME', '/v2/models/NAME', '/v2/models/NAME/ready']) {
      const status = async (name: string): Promise<number> =>
        (await fetch(url(path.replace('NAME', name)), { headers })).status
      expect([await status('second'), await status('altiplano-demo')]).toEqual([200, 404])
    }
    for (const path of ['/v1/models/NAME:predict', '/v2/models/NAME/infer']) {
      const status = async (name: string): Promise<number> =>
        (await post(path.replace('NAME', name), few, { prompt: 'Hi', max_tokens: 1 })).status
      expect([await status('second'), await status('altiplano-demo')]).toEqual([200, 404])
    }
  })

  it('the gateway reloads a changed file of keys, and keeps the last valid keys when the file is broken', async () => {
    const added = 'sk-added-0123456789'
    writeKeys(`  - { name: added, key: ${added} }`)
    const status = async (): Promise<number> => (await models({ authorization: `Bearer ${added}` })).status
    for (let waited = 0; waited < 50 && (await status()) !== 200; waited++) await pause(100)
    expect(await status()).toBe(200)
    writeFileSync(file, 'keys: [')
    const told = (): boolean => server.logs.some((line) => line.includes('api keys cannot be read'))
    for (let waited = 0; waited < 50 && !told(); waited++) await pause(100)
    expect([told(), await status()]).toEqual([true, 200])
    writeKeys()
    for (let waited = 0; waited < 50 && (await status()) === 200; waited++) await pause(100)
    expect(await status()).toBe(401)
  })

  it('the log has no API key, no refused key and no text of a prompt or an answer', async () => {
    const headers = { authorization: `Bearer ${plain}`, 'content-type': 'application/json' }
    for (const content of ['canary-726172617261 in a prompt', 726172617261]) {
      const body = JSON.stringify({
        model: 'altiplano-demo',
        messages: [{ role: 'user', content }],
        user: 'canary-user',
      })
      await (await fetch(url('/v1/chat/completions?canary=query'), { method: 'POST', headers, body })).text()
    }
    const logs = server.logs.join('\n')
    expect(logs).toContain('/v1/chat/completions')
    for (const secret of [plain, hashed, slow, sha256(hashed), 'sk-wrong', 'canary', '726172617261'])
      expect(logs).not.toContain(secret)
  })
})

describe('an API key that is limited to other models than the generating one', () => {
  const vectors = 'sk-vectors-0123456789'
  const poems = 'sk-poems-01234567890'
  let both: TestServer
  const ask = (key: string, path: string, body?: object): Promise<Response> =>
    fetch(both.url + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    })

  beforeAll(async () => {
    const [model, adapter, keys] = ['vectors.gguf', 'poems.gguf', 'few.yaml'].map((name) =>
      join(folder, name),
    )
    await writeEmbeddingModel(model ?? '')
    await writeLoraAdapter(adapter ?? '', 1)
    writeFileSync(
      keys ?? '',
      `keys:\n  - { name: v, key: ${vectors}, models: [vectors] }\n  - { name: p, key: ${poems}, models: [poems] }\n`,
    )
    const names = ['--embedding-model-name', 'vectors', '--lora-modules', `poems=${adapter}`]
    both = await startServer(['--api-keys', keys ?? '', '--embedding-model', model ?? '', ...names])
  })
  afterAll(() => both.stop())

  it.each([
    ['/tokenize', { prompt: 'hello' }],
    ['/tokenize', { content: 'hello' }],
    ['/tokenize', { messages: [{ role: 'user', content: 'Hi' }] }],
    ['/v1/tokenize', { prompt: 'hello' }],
    ['/openai/v1/tokenize', { prompt: 'hello' }],
    ['/detokenize', { tokens: [72] }],
    ['/v1/detokenize', { tokens: [72] }],
    ['/props', undefined],
    ['/slots', undefined],
  ])('a model that the key does not name is unknown to it: %s', async (path, body) => {
    const answer = await ask(vectors, path, body)
    expect([answer.status, await answer.json()]).toMatchObject([
      404,
      { error: { code: 'model_not_found', message: expect.not.stringContaining('demo') } },
    ])
    expect((await ask(poems, path, body)).status).toBe(200)
  })

  it('an API key for other models has to name one of them where a text is to be generated', async () => {
    for (const key of [vectors, poems]) {
      const answer = await ask(key, '/v1/chat/completions', { messages: [{ role: 'user', content: 'Hi' }] })
      expect([answer.status, await answer.json()]).toMatchObject([
        400,
        { error: { code: 'missing_required_parameter', param: 'model' } },
      ])
    }
    expect((await ask(vectors, '/v1/embeddings', { input: 'Hi' })).status).toBe(200)
    expect((await ask(poems, '/v1/embeddings', { input: 'Hi' })).status).toBe(400)
  })

  it('an API key is served for each model that it names', async () => {
    expect((await ask(vectors, '/v1/embeddings', { model: 'vectors', input: 'Hi' })).status).toBe(200)
    const text = await (await ask(poems, '/v1/models')).text()
    expect(JSON.parse(text)).toMatchObject({ models: ['poems'], data: [{ id: 'poems', parent: null }] })
    expect(text).not.toContain('demo')
  })
})

describe('readApiKeys', () => {
  const read = (text: string) => (): unknown => readApiKeys(text)
  it.each([
    ['keys: []', /not empty/],
    ['- a', /'keys' must be a list/],
    ['keys: [{ name: a }]', /keys\[0\]\.key/],
    ['keys: [{ name: a, key: short }]', /at least 16/],
    ['keys: [{ name: a, key: "sha256:0123456789" }]', /64 hex/],
    [`keys: [{ name: "a b", key: ${plain} }]`, /keys\[0\]\.name/],
    [`keys: [{ name: a, key: ${plain}, max_concurrent: 0 }]`, /above 0/],
    [`keys: [{ name: a, key: ${plain}, tokens_per_minute: 1.5 }]`, /tokens_per_minute must be an integer/],
    [`keys: [{ name: a, key: ${plain}, weight: 0 }]`, /weight must be a number above 0/],
    [`keys: [{ name: a, key: ${plain}, priority: -1 }]`, /priority must be an integer/],
    [`keys: [{ name: a, key: ${plain}, models: demo }]`, /models must be a list/],
    [`keys: [{ name: a, key: ${plain}, models: [] }]`, /models must be a list/],
    [`keys: [{ name: a, key: ${plain}, admin: 'yes' }]`, /admin must be true or false/],
    [`keys: [{ name: a, key: ${plain}, constructor: 1 }]`, /unknown field/],
    [`keys: [{ name: a, key: ${plain}, color: red }]`, /unknown field 'color'/],
    [`keys: [{ name: a, key: ${plain} }, { name: a, key: ${hashed} }]`, /twice/],
    [`keys: [{ name: a, key: "${plain} }]`, /not YAML/],
  ])('readApiKeys refuses %s', (text, problem) => {
    expect(read(text)).toThrow(problem)
    expect(read(text)).not.toThrow(plain)
  })
})

describe('TenantLimits', () => {
  const tenant: Tenant = {
    name: 'a',
    maxConcurrent: 2,
    requestsPerMinute: 60,
    tokensPerMinute: 600,
    weight: 1,
    priority: 0,
    models: undefined,
    admin: false,
  }

  it('TenantLimits admits nothing before overspent tokens are made up for', () => {
    let now = 0
    const limits = new TenantLimits(() => now)
    limits.spend('a', 1000)
    expect(limits.tokens(tenant)).toMatchObject({ remaining: 600, retryMs: 0, resetMs: 0 })
    limits.spend('a', 609)
    expect(limits.tokens(tenant)).toMatchObject({ remaining: 0, retryMs: 1000, resetMs: 60_900 })
    now = 1000
    expect(limits.tokens(tenant)).toMatchObject({ remaining: 1, retryMs: 0 })
    expect(limits.tokens({ ...tenant, tokensPerMinute: undefined })).toBeUndefined()
  })

  it('TenantLimits reserves tokens for prompts that are not counted yet, and releases them', () => {
    let now = 0
    const limits = new TenantLimits(() => now)
    const remaining = (): number | undefined => limits.tokens(tenant)?.remaining
    const reserve = (count: number): (() => void) => {
      const reserved = limits.reserve('a', count)
      if (typeof reserved !== 'function') throw new Error(`wait ${reserved.retryMs} ms`)
      return reserved
    }
    expect(reserve(1_000_000)).toBeTypeOf('function')
    expect(remaining()).toBe(600)
    const release = reserve(400)
    expect(() => reserve(300)).toThrow('wait 10000 ms')
    const other = reserve(200)
    expect(remaining()).toBe(0)
    release()
    other()
    expect(remaining()).toBe(600)
    const huge = reserve(5000)
    expect(() => reserve(1)).toThrow('wait 440100 ms')
    huge()
    limits.spend('a', 1)
    expect(() => reserve(5000)).toThrow('wait 100 ms')
    now = 100
    expect(reserve(5000)).toBeTypeOf('function')
  })

  it('TenantLimits bounds the concurrent requests of each tenant separately', () => {
    const limits = new TenantLimits()
    const first = limits.begin(tenant)
    expect([limits.begin(tenant), limits.begin(tenant)]).toEqual([expect.any(Function), undefined])
    expect(limits.begin({ ...tenant, name: 'b' })).toBeDefined()
    first?.()
    expect(limits.begin(tenant)).toBeDefined()
  })

  it('TenantLimits refills one request a second of sixty a minute, and never more than sixty', () => {
    let now = 0
    const limits = new TenantLimits(() => now)
    for (let request = 0; request < 60; request++) expect(limits.take(tenant)?.retryMs).toBe(0)
    expect(limits.take(tenant)).toMatchObject({ remaining: 0, retryMs: 1000, resetMs: 60_000 })
    now = 1000
    expect(limits.take(tenant)?.retryMs).toBe(0)
    now = 1_000_000
    expect(limits.take(tenant)?.remaining).toBe(59)
  })
})

it('the share of a request comes from the weight and the priority of its API key', () => {
  const tenant = readApiKeys(`keys: [{ name: a, key: ${plain}, weight: 2.5, priority: 3 }]`).find(plain)
  expect(shareOf(tenant, 4)).toEqual({
    tenant: 'a',
    weight: 2.5,
    priority: 7,
  })
  expect(shareOf(undefined)).toEqual({
    tenant: '',
    weight: 1,
    priority: 0,
  })
})
