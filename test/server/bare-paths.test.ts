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
  ])('answers POST %s as that under /v1 does', async (path, body, field) => {
    const answer = await post(path, body)
    expect([answer.status, await answer.json()]).toEqual([
      200,
      expect.objectContaining({ [field]: expect.anything() }),
    ])
    expect((await post(path, body, { authorization: '' })).status).toBe(401)
  })

  it('lists the models, and tells of one', async () => {
    const headers = { authorization }
    expect(await (await fetch(`${server.url}/models`, { headers })).json()).toMatchObject({
      models: ['demo'],
    })
    expect(await (await fetch(`${server.url}/models/demo`, { headers })).json()).toMatchObject({ id: 'demo' })
    expect((await fetch(`${server.url}/models`)).status).toBe(401)
  })

  it('says what is asked for in a wrong way, in the words of its protocol', async () => {
    const headers = { authorization }
    const wrong = await fetch(`${server.url}/chat/completions`, { headers })
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST'])
    const none = await post('/chat/nothing', {})
    expect([none.status, await none.json()]).toMatchObject([404, { error: { code: 'unknown_url' } }])
    const anthropic = await post('/messages/nothing', {})
    expect([anthropic.status, await anthropic.json()]).toMatchObject([404, { type: 'error' }])
  })

  it.each(['/v1/health', '/ping'])('has GET %s, as the probe /health, without a key', async (path) => {
    const answer = await fetch(server.url + path)
    expect([answer.status, await answer.json()]).toEqual([200, { status: 'ready' }])
  })
})
