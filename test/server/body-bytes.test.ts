import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { PATIENCE } from '../support/patience.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer(['--max-body-bytes', '80000', '--max-queued-bytes', '100000'])
})
afterAll(() => server.stop())

function ask(padding: number): Promise<Response> {
  return fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'altiplano-demo',
      messages: [{ role: 'user', content: 'Hi' }],
      max_tokens: 1,
      user: 'x'.repeat(padding),
    }),
  })
}

/** Sends the head of a request, and a part of its body. */
async function upload(head: string, bytes: string): Promise<Socket> {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n${head}\r\n\r\n${bytes}`,
  )
  await once(socket, 'connect')
  return socket
}

async function answerTo(socket: Socket): Promise<string> {
  let answer = ''
  for await (const chunk of socket) answer += String(chunk)
  return answer
}

describe('the bytes of request bodies', () => {
  it('body bytes are counted until the request is over, and a body above the total is refused', async () => {
    const holder = await upload('content-length: 79999', 'x'.repeat(79_000))
    // What is sent takes a while to come.
    const refused = await vi.waitFor(async () => {
      const answer = await ask(30_000)
      expect(answer.status).toBe(503)
      return answer
    }, PATIENCE)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await refused.json()).toMatchObject({ error: { code: 'server_overloaded' } })
    // What was promised, and has not come, takes no room.
    expect((await ask(100)).status).toBe(200)
    holder.destroy()
    // A 'user' is at most 1024 characters: it was read, all of it.
    await vi.waitFor(async () => expect((await ask(60_000)).status).toBe(400), PATIENCE)
    for (let again = 0; again < 5; again++) expect((await ask(60_000)).status).toBe(400)
  })

  it.each([
    ['a length', 'content-length: 80001', '{'],
    ['pieces', 'transfer-encoding: chunked', `${(81_000).toString(16)}\r\n${'x'.repeat(81_000)}\r\n`],
  ])('one body is limited in bytes when it comes with %s', async (_name, head, bytes) => {
    // The rest never comes: the connection ends, after a while.
    const answer = await answerTo(await upload(head, bytes))
    expect(answer).toMatch(/^HTTP\/1\.1 413[\s\S]*request_too_large/)
  })

  it('the client of a refused body may send on, reads the answer, and reuses the connection', async () => {
    const socket = await upload('content-length: 5000000', '{')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(String(answer)).toMatch(/^HTTP\/1\.1 413[\s\S]*request_too_large/)
    for (let sent = 1; sent < 5_000_000; sent += 99_999)
      socket.write('x'.repeat(Math.min(99_999, 5_000_000 - sent)))
    socket.write('GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
    expect(await answerTo(socket)).toMatch(/^HTTP\/1\.1 200/)
  })

  it('a closing connection drains a refused body first, so that no client loses the answer', async () => {
    const whole = 'x'.repeat(4_500_000)
    for (let again = 0; again < 30; again++) {
      const socket = await upload(`connection: close\r\ncontent-length: ${whole.length}`, whole)
      expect(await answerTo(socket)).toMatch(/^HTTP\/1\.1 413[\s\S]*request_too_large/)
    }
    // Who never stops is not waited for.
    const endless = await upload('connection: close\r\ncontent-length: 900000000', '{')
    const timer = setInterval(() => endless.write('x'.repeat(1000)), 50)
    endless.on('error', () => undefined)
    await Promise.all([once(endless, 'close'), once(endless, 'data')])
    clearInterval(timer)
  })
})
