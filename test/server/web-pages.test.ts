import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '../support/server.ts'

const PAGE = 'app://obsidian.md'
const CHAT = { model: 'altiplano-demo', max_tokens: 2, messages: [{ role: 'user', content: 'Hi' }] }
const CORS = ['access-control-allow-origin', 'access-control-expose-headers', 'access-control-allow-methods']

let server: TestServer

function ask(path: string, origin: string, init: RequestInit = {}): Promise<Response> {
  const headers = { origin, 'content-type': 'application/json', ...(init.headers as Record<string, string>) }
  return fetch(`${server.url}${path}`, { ...init, headers })
}

function preflight(origin: string, path = '/v1/chat/completions'): Promise<Response> {
  const headers = {
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization,content-type,x-stainless-os',
  }
  return ask(path, origin, { method: 'OPTIONS', headers })
}

describe('a server with --allowed-origins', () => {
  beforeAll(async () => {
    server = await startServer(['--allowed-origins', `["${PAGE}","https://chat.example.com"]`])
  })
  afterAll(() => server.stop())

  it('a preflight of an allowed origin is answered with that one origin and the headers it asked for', async () => {
    for (const path of ['/v1/chat/completions', '/v1/messages', '/metrics']) {
      const response = await preflight(PAGE, path)
      expect(response.status).toBe(204)
      expect(response.headers.get('access-control-allow-origin')).toBe(PAGE)
      expect(response.headers.get('access-control-allow-methods')).toContain('POST')
      expect(response.headers.get('access-control-allow-headers')).toContain('x-stainless-os')
      expect(response.headers.get('vary')?.toLowerCase()).toContain('origin')
    }
  })

  it('an answer, a stream and an error can be read by an allowed page, with their headers', async () => {
    const bodies = [CHAT, { ...CHAT, stream: true }, { ...CHAT, messages: 1 }, { ...CHAT, model: 'other' }]
    for (const body of bodies) {
      const answer = await ask('/v1/chat/completions', PAGE, { method: 'POST', body: JSON.stringify(body) })
      expect(answer.headers.get('access-control-allow-origin')).toBe(PAGE)
      expect(answer.headers.get('access-control-expose-headers')).toContain('x-ignored-params')
      expect(answer.headers.get('access-control-expose-headers')).toContain('x-ratelimit-remaining-tokens')
      expect(answer.headers.get('vary')?.toLowerCase()).toContain('origin')
      await answer.text()
    }
    const unread = await ask('/v1/chat/completions', PAGE, { method: 'POST', body: 'no JSON' })
    expect([unread.status, unread.headers.get('access-control-allow-origin')]).toEqual([400, PAGE])
    const nowhere = await ask('/v1/nowhere', PAGE)
    expect([nowhere.status, nowhere.headers.get('access-control-allow-origin')]).toEqual([404, PAGE])
  })

  it('a page of another origin gets none of the headers, and its preflight is refused', async () => {
    for (const other of ['https://evil.example', 'null', `${PAGE}.evil`, 'https://chat.example.com:444']) {
      const refused = await preflight(other)
      expect(refused.status).toBe(405)
      const answer = await ask('/v1/models', other)
      expect(answer.status).toBe(200)
      for (const name of CORS)
        expect([refused.headers.get(name), answer.headers.get(name)]).toEqual([null, null])
    }
  })
})

it('a server without --allowed-origins lets no page in', async () => {
  server = await startServer()
  const [refused, answer] = [await preflight(PAGE), await ask('/v1/models', PAGE)]
  expect([refused.status, answer.status]).toEqual([405, 200])
  for (const name of CORS) expect([refused.headers.get(name), answer.headers.get(name)]).toEqual([null, null])
  await server.stop()
})

it.each([
  ['*', '--api-keys FILE'],
  ['https://a.example/path', 'without a path'],
  ['chat.example.com', 'as a browser sends it'],
  ['https://*.example.com', 'as a browser sends it'],
  ['https://example.com:443', 'as a browser sends it'],
  ['https://user@example.com', 'as a browser sends it'],
  ['["https://a.example"', 'not a JSON array'],
])('--allowed-origins %s is refused at the start, and why', async (origins, why) => {
  await expect(startServer(['--allowed-origins', origins])).rejects.toThrow(why)
})
