import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { honestBodies, hostileBodies, type LargeBody } from '../support/large-bodies.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.stop())

interface Told {
  readonly status: number
  readonly code: string | undefined
}

async function send({ path, body }: LargeBody, url = server.url): Promise<Told> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(url + path, { method: 'POST', headers, body: body() })
  const { error } = (await answer.json()) as { error?: { code?: string; type?: string } }
  return { status: answer.status, code: error?.code }
}

describe('large bodies', () => {
  it.each(hostileBodies)('a hostile large body stays within its limits: $name', async (body) => {
    expect(body.statuses).toContain((await send(body)).status)
    expect((await fetch(`${server.url}/health/live`)).status).toBe(200)
  })

  it.each(honestBodies)('a valid large body is read: $name', async (body) => {
    const { status, code } = await send(body)
    expect(body.statuses).toContain(status)
    // It may be more than this model has room for, but it is no body that cannot be read.
    expect(code).not.toBe('invalid_json')
  })

  it('large bodies do not restart child processes', () => {
    expect(server.logs.filter((line) => line.includes('child down'))).toEqual([])
  })

  it('large bodies count by their parsed size, not only by their bytes', async () => {
    const small = await startServer(['--max-queued-bytes', '3000000'])
    try {
      const bodies = (count: number): LargeBody => ({
        name: '',
        path: '/v1/chat/completions',
        statuses: [],
        body: () =>
          `{"model":"altiplano-demo","max_tokens":1,"messages":[{"role":"user","content":"Hi"}],"x":[${Array(count).fill('{}').join(',')}]}`,
      })
      // 90 kB each, and some 2 MB parsed; 150 kB, and some 4 MB.
      expect(await send(bodies(30_000), small.url)).toEqual({ status: 200, code: undefined })
      expect(await send(bodies(30_000), small.url)).toEqual({ status: 200, code: undefined })
      expect(await send(bodies(50_000), small.url)).toEqual({ status: 503, code: 'server_overloaded' })
    } finally {
      await small.stop()
    }
  })
})
