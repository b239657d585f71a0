import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer

beforeAll(async () => {
  server = await startServer(['--served-model-name', 'org/m'])
})
afterAll(() => server.stop())

describe('the media type of a request', () => {
  const CHAT = JSON.stringify({ model: 'org/m', max_tokens: 1, messages: [{ role: 'user', content: 'Hi' }] })
  const statusOf = async (type: string): Promise<number> => {
    const init = { method: 'POST', headers: { 'content-type': type }, body: CHAT }
    return (await fetch(`${server.url}/v1/chat/completions`, init)).status
  }

  it.each([
    'application/json;',
    'application/json; ;',
    'application/json; charset=utf8',
    'application/json; charset=UTF8',
    'Application/JSON;charset="utf-8";',
    'application/json ; charset=utf-8 ;',
  ])('JSON in UTF-8 is read when it is called %s', async (type) => {
    expect(await statusOf(type)).toBe(200)
  })

  it.each([
    'application/json; charset=latin1',
    'application/json; charset=utf-8; charset=utf-16',
    'application/json, text/plain',
    'application/jsonp;',
    'text/json',
    ';application/json',
    `application/json${'; '.repeat(5000)}x`,
  ])('a body that is called %s is refused as no JSON in UTF-8', async (type) => {
    expect(await statusOf(type)).toBe(415)
  })
})

describe('a method that a path does not have', () => {
  it.each([
    ['PUT', '/v1/models/org/m', 'GET'],
    ['DELETE', '/v1/models/org/m', 'GET'],
    ['PUT', '/v1/models/org/m:predict', 'GET, POST'],
    ['PUT', '/v2/models/org/m', 'GET'],
    ['PUT', '/v2/models/org/m/ready', 'GET'],
    ['PUT', '/v2/models/org/m/infer', 'GET, POST'],
    ['POST', '/v1/models/org/m', 'GET'],
    ['POST', '/v1/models', 'GET'],
    ['POST', '/openai/v1/models?x=1', 'GET'],
    ['GET', '/v1/chat/completions', 'POST'],
    ['PATCH', '/v1/messages', 'POST'],
  ])('%s %s is 405, and Allow names the methods that it has: %s', async (method, path, allow) => {
    const body = method === 'POST' && { headers: { 'content-type': 'application/json' }, body: '{}' }
    const response = await fetch(`${server.url}${path}`, { method, ...body })
    await response.text()
    expect([response.status, response.headers.get('allow')]).toEqual([405, allow])
  })

  it('every method that Allow names is answered', async () => {
    for (const path of ['/v1/models/org/m', '/v2/models/org/m', '/v2/models/org/m/ready', '/v1/models']) {
      const refused = await fetch(`${server.url}${path}`, { method: 'PUT' })
      for (const method of refused.headers.get('allow')?.split(', ') ?? ['none']) {
        const { status } = await fetch(`${server.url}${path}`, { method })
        expect([method, path, status]).toEqual([method, path, 200])
      }
    }
  })

  it('a POST without a body is 405 where a path has no POST', async () => {
    const response = await fetch(`${server.url}/v1/models`, { method: 'POST' })
    await response.text()
    expect(response.status).toBe(405)
  })

  it('a path that does not exist is 404, whatever body is sent to it', async () => {
    const init = { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'x'.repeat(100_000) }
    const response = await fetch(`${server.url}/v1/nowhere`, init)
    const answer = (await response.json()) as { error: { code: string } }
    expect([response.status, answer.error.code]).toEqual([404, 'unknown_url'])
  })
})
