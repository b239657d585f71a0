import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postJson } from '../support/http.ts'
import { startServer, type TestServer } from '../support/server.ts'

const KEY = 'sk-someone-0123456789'
const authorization = `Bearer ${KEY}`
const folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
let server: TestServer

beforeAll(async () => {
  const keys = join(folder, 'keys.yaml')
  writeFileSync(keys, `keys: [{ name: someone, key: ${KEY} }]`)
  server = await startServer(['--served-model-name', 'demo', '--api-keys', keys])
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

const messages = [{ role: 'user', content: 'Hi' }]
const chat = { model: 'demo', messages, max_tokens: 2 }
const post = (path: string, body: object, headers = { authorization }): Promise<Response> =>
  postJson(server.url + path, body, headers)

describe('the tree without a prefix', () => {
  it.each<[string, object, string]>([
    ['/chat/completions', chat, 'choices'],
    ['/completions', { model: 'demo', prompt: 'Hi', max_tokens: 2 }, 'choices'],
    ['/responses', { model: 'demo', input: 'Hi', max_output_tokens: 2 }, 'output'],
    ['/responses/input_tokens', { model: 'demo', input: 'Hi' }, 'input_tokens'],
    ['/messages', chat, 'content'],
    ['/messages/count_tokens', { model: 'demo', messages }, 'input_tokens'],
    ['/tokenize', { prompt: 'Hi' }, 'tokens'],
    ['/models/demo:predict', chat, 'choices'],
  ])('POST %s is answered as under /v1', async (path, body, field) => {
    const answer = await post(path, body)
    expect([answer.status, await answer.json()]).toEqual([
      200,
      expect.objectContaining({ [field]: expect.anything() }),
    ])
    expect((await post(path, body, { authorization: '' })).status).toBe(401)
  })

  it('the models are listed, and one is described', async () => {
    const headers = { authorization }
    expect(await (await fetch(`${server.url}/models`, { headers })).json()).toMatchObject({
      models: ['demo'],
    })
    expect(await (await fetch(`${server.url}/models/demo`, { headers })).json()).toMatchObject({ id: 'demo' })
    expect((await fetch(`${server.url}/models`)).status).toBe(401)
  })

  it('a wrong method or path is refused in the form of its protocol', async () => {
    const headers = { authorization }
    const wrong = await fetch(`${server.url}/chat/completions`, { headers })
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST'])
    const none = await post('/chat/nothing', {})
    expect([none.status, await none.json()]).toMatchObject([404, { error: { code: 'unknown_url' } }])
    const anthropic = await post('/messages/nothing', {})
    expect([anthropic.status, await anthropic.json()]).toMatchObject([404, { type: 'error' }])
  })

  it.each(['/v1/health', '/ping'])('GET %s is the probe /health, without a key', async (path) => {
    const answer = await fetch(server.url + path)
    expect([answer.status, await answer.json()]).toEqual([200, { status: 'ready' }])
  })
})

describe('paths of other servers', () => {
  it('a POST that needs no body is answered without one', async () => {
    const ping = await fetch(`${server.url}/ping`, { method: 'POST' })
    expect([ping.status, await ping.json()]).toEqual([200, { status: 'ready' }])
    const index = await fetch(`${server.url}/v2/repository/index`, {
      method: 'POST',
      headers: { authorization },
    })
    expect([index.status, await index.json()]).toMatchObject([200, [{ name: 'demo' }]])
    const form = await fetch(`${server.url}/ping`, { method: 'POST', body: new URLSearchParams('a=b') })
    expect(form.status).toBe(415)
  })

  it('a body that a form could send from any page is refused', async () => {
    const body = JSON.stringify(chat)
    for (const type of ['application/x-www-form-urlencoded', 'text/plain']) {
      const init = { method: 'POST', headers: { authorization, 'content-type': type }, body }
      expect((await fetch(`${server.url}/api/chat`, init)).status).toBe(415)
    }
  })

  it('a chat is rendered as the model reads it, and its tokens are counted', async () => {
    const { prompt } = (await (await post('/apply-template', { messages })).json()) as { prompt: string }
    expect(prompt).toContain('Hi')
    const tokens = (await (await post('/tokenize', { messages })).json()) as { count: number }
    const bare = (await (await post('/tokenize', { prompt, add_special_tokens: false })).json()) as {
      count: number
    }
    // What the template writes as control tokens is text to /tokenize.
    expect(bare.count).toBeGreaterThan(tokens.count)
    for (const path of ['/v1/chat/completions/input_tokens', '/chat/completions/input_tokens'])
      expect(await (await post(path, { messages })).json()).toEqual({
        object: 'response.input_tokens',
        input_tokens: tokens.count,
      })
  })

  it('long texts are rendered whole, surrogates included', async () => {
    const content = `${'x'.repeat(4000)}${'😀'.repeat(3000)}`
    const answer = await post('/apply-template', { messages: [{ role: 'user', content }] })
    expect(((await answer.json()) as { prompt: string }).prompt).toContain(content)
  })

  it('the tokenizer is described as lm-eval asks, and the load is reported', async () => {
    const headers = { authorization }
    const get = async (path: string): Promise<unknown> => (await fetch(server.url + path, { headers })).json()
    expect(await get('/tokenizer_info')).toMatchObject({
      eos_token: expect.any(String),
      chat_template: expect.stringContaining('messages'),
      tokenizer_class: expect.any(String),
    })
    expect(await get('/load')).toEqual({ server_load: 0 })
    expect(await get('/props')).toMatchObject({
      model_path: 'demo',
      eos_token: expect.any(String),
    })
  })

  it('the body of each endpoint is taken at /invocations', async () => {
    expect(await (await post('/invocations', chat)).json()).toMatchObject({ object: 'chat.completion' })
    const completion = { model: 'demo', prompt: 'Hi', max_tokens: 2 }
    expect(await (await post('/invocations', completion)).json()).toMatchObject({ object: 'text_completion' })
    const none = await post('/invocations', { model: 'demo' })
    expect([none.status, await none.json()]).toMatchObject([
      400,
      { error: { code: 'missing_required_parameter' } },
    ])
  })

  it('a model that generates refuses to score', async () => {
    const answer = await post('/score', { model: 'demo', text_1: 'a', text_2: 'b' })
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: { code: 'wrong_model_kind' } }])
  })
})
