import fastify from 'fastify'
import { expect, it } from 'vitest'
import { echoHeaders } from '../../../src/http/echoed-headers.ts'
import { startServer } from '../../support/server.ts'

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const id = 'b5e1c9c0-5d0a-4a4e-9f39-0d0f6d9d1c11'

it('request ids are echoed on answers, streams and errors alike', async () => {
  const server = await startServer()
  const sent = { 'content-type': 'application/json', 'ce-id': id, 'x-request-id': 'r-1', traceparent }
  const headersOf = async (path: string, body?: object): Promise<(string | null)[]> => {
    const method = body === undefined ? 'GET' : 'POST'
    const response = await fetch(server.url + path, {
      method,
      headers: sent,
      ...(body && { body: JSON.stringify(body) }),
    })
    await response.text()
    return ['ce-id', 'x-request-id', 'traceparent', 'ce-type'].map((name) => response.headers.get(name))
  }
  const expected = [id, 'r-1', traceparent, null]
  const completion = { model: 'altiplano-demo', prompt: 'a', max_tokens: 1 }
  try {
    expect(await headersOf('/v1/completions', completion)).toEqual(expected)
    expect(await headersOf('/v1/completions', { ...completion, stream: true })).toEqual(expected)
    expect(await headersOf('/v1/completions', { model: 'none' })).toEqual(expected)
    expect(await headersOf('/nowhere')).toEqual(expected)
  } finally {
    await server.stop()
  }
})

const refused: [string, string, string][] = [
  ['a tab', 'ce-id', 'a\tb'],
  ['a long id', 'ce-id', 'a'.repeat(129)],
  ['markup', 'ce-id', '<script>'],
  ['an empty trace', 'traceparent', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`],
  ['an empty span', 'traceparent', `00-4bf92f3577b34da6a3ce929d0e0e4736-${'0'.repeat(16)}-01`],
  ['version ff', 'traceparent', `ff${traceparent.slice(2)}`],
  ['capitals', 'traceparent', traceparent.toUpperCase()],
  ['another header', 'ce-source', 'a'],
]
it.each(refused)('an invalid request id is not echoed: %s', async (_, name, value) => {
  const app = fastify()
  echoHeaders(app)
  app.get('/', async () => ({}))
  const { headers } = await app.inject({ url: '/', headers: { [name]: value } })
  expect([headers[name], headers['x-request-id']]).toEqual([undefined, expect.any(String)])
})
