import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { idle, metric } from '../support/metrics.ts'
import { until } from '../support/patience.ts'
import { parseLine, startServer, type TestServer } from '../support/server.ts'

const KEY = 'sk-one-0123456789abcde'
const folder = mkdtempSync(join(tmpdir(), 'altiplano-pipelining-'))
const keys = join(folder, 'keys.yaml')
writeFileSync(keys, `keys:\n  - { name: one, key: ${KEY}, max_concurrent: 2 }\n`)

let server: TestServer
beforeAll(async () => {
  server = await startServer([
    ...['--api-keys', keys, '--slots', '2', '--max-queued-bytes', '4000000'],
    // A request that is never over would be waited for until this test is.
    ...['--drain-timeout', '600'],
  ])
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

const body = (fields: object): string =>
  JSON.stringify({
    model: 'altiplano-demo',
    messages: [{ role: 'user', content: 'Tell a story' }],
    ...fields,
  })
const long = body({ stream: true, max_tokens: 1800, ignore_eos: true })

function request(payload: string, path = '/v1/chat/completions'): string {
  const head = `POST ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${KEY}\r\n`
  return `${head}content-type: application/json\r\ncontent-length: ${Buffer.byteLength(payload)}\r\n\r\n${payload}`
}

/** Sends several requests at once. Resolves when the first answers. */
async function pipeline(...requests: string[]): Promise<Socket> {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(requests.join(''))
  await new Promise((resolve) => socket.once('data', resolve))
  return socket
}

describe('pipelined requests', () => {
  it('pipelined requests end when their client leaves, and no slot goes on for them', async () => {
    const before = await metric(server.url, 'altiplano_generation_tokens_total')
    const socket = await pipeline(request(long), request(long))
    await until(async () => (await metric(server.url, 'vllm:num_requests_running')) === 2)
    socket.destroy()
    await until(() => idle(server.url))
    // Each would have made 1,800.
    expect((await metric(server.url, 'altiplano_generation_tokens_total')) - before).toBeLessThan(1800)
  })

  it('pipelined requests of a client that left release the places and the bytes of their tenant', async () => {
    // A third of the bytes that may be held, three times over.
    const large = body({ max_tokens: 1, user: 'x', padding: 'x'.repeat(1_300_000) })
    for (let again = 0; again < 6; again++) {
      const socket = await pipeline(request(long), request(large))
      socket.destroy()
      await until(() => idle(server.url))
    }
    const both = await Promise.all([1, 2].map(() => ask(large)))
    expect(both).toEqual([200, 200])
  })

  it('each pipelined request has its own line in the log and its own count', async () => {
    const lines = (): number =>
      server.logs.filter((line) => {
        const { msg, aborted, path } = parseLine(line) ?? { msg: '' }
        return msg === 'request' && aborted === true && String(path).startsWith('/v1/')
      }).length
    const before = [lines(), await metric(server.url, 'altiplano_aborted_total')]
    const socket = await pipeline(request(long), request(long), request('{}', '/v1/nowhere'))
    socket.destroy()
    await until(() => lines() === (before[0] ?? 0) + 3)
    expect(await metric(server.url, 'altiplano_aborted_total')).toBe((before[1] ?? 0) + 3)
  })

  it('pipelined requests are answered in order', async () => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    socket.write(request(body({ max_tokens: 2 })) + request('{'))
    let text = ''
    socket.on('data', (piece) => {
      text += String(piece)
    })
    await until(() => text.includes('invalid_json'))
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 400'])
    socket.destroy()
  })

  it('pipelined requests are over at once where the connection was closed before they were read', async () => {
    const port = Number(new URL(server.url).port)
    const leave = async (): Promise<void> => {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => undefined)
      const over = new Promise((resolve) => socket.once('close', resolve))
      socket.write(request(body({ max_tokens: 1 })).repeat(3))
      await new Promise((resolve) => setImmediate(resolve))
      socket.resetAndDestroy()
      await over
    }
    for (let batch = 0; batch < 40; batch++) await Promise.all(Array.from({ length: 25 }, leave))
    await until(() => idle(server.url))
    // Of two places both are free.
    expect(await Promise.all([1, 2].map(() => ask(body({ max_tokens: 1 }))))).toEqual([200, 200])
  })

  it('pipelined requests are all counted as ended, and the server exits at once', async () => {
    await until(() => idle(server.url))
    const admitted = await metric(server.url, 'altiplano_admitted_total')
    expect(admitted).toBeGreaterThan(10)
    // By how each ended: stop, length, cancelled or error.
    expect(await metric(server.url, 'altiplano_request_success_total')).toBe(admitted)
    expect(await server.stop()).toBe(0)
  })
})

async function ask(payload: string): Promise<number> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${KEY}` }
  const answer = await fetch(`${server.url}/v1/chat/completions`, { method: 'POST', headers, body: payload })
  await answer.text()
  return answer.status
}
