import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { scrape } from '../support/metrics.ts'
import { parseLine, startServer, type TestServer } from '../support/server.ts'

let server: TestServer

function ask(fields: object, path = '/v1/chat/completions'): Promise<Response> {
  return fetch(server.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'altiplano-demo',
      messages: [{ role: 'user', content: 'Tell me a story' }],
      ...fields,
    }),
  })
}

/** The last event of a stream. */
async function lastEvent(answer: Response): Promise<string> {
  const text = await answer.text()
  return text.trimEnd().split('\n\n').at(-1) ?? ''
}

describe('time limits of an answer', () => {
  beforeAll(async () => {
    server = await startServer(['--slots', '1', '--context-size', '16384', '--queue-timeout', '1'])
  })
  afterAll(() => server.stop())

  it("the time limit of an answer ends waiting and running requests, each in its protocol's shape", async () => {
    // Has the slot, with its first token told, and has it for longer than anybody waits.
    const running = await ask({ stream: true, max_tokens: 15_000, ignore_eos: true, deadline_ms: 6000 })
    const [json, stream, named, deadline] = await Promise.all([
      ask({}),
      ask({ stream: true }).then(lastEvent),
      ask({ stream: true, max_tokens: 5 }, '/v1/messages').then(lastEvent),
      ask({ deadline_ms: 300 }),
    ])
    expect([json.status, Number(json.headers.get('retry-after'))]).toEqual([503, expect.any(Number)])
    expect(Number(json.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await json.json()).toMatchObject({ error: { code: 'queue_timeout', type: 'server_error' } })
    expect(JSON.parse(stream.replace('data: ', ''))).toMatchObject({ error: { code: 'queue_timeout' } })
    expect(named).toMatch(/^event: error\ndata: \{"type":"error","error":\{"type":"overloaded_error"/)
    expect([deadline.status, deadline.headers.get('x-should-retry')]).toEqual([504, 'false'])
    expect(await deadline.json()).toMatchObject({ error: { code: 'deadline_exceeded' } })
    expect(await lastEvent(running)).toContain('"code":"deadline_exceeded"')
    const errors = (await scrape(server.url)).by('altiplano_errors_total', 'code')
    expect(errors).toMatchObject({ queue_timeout: 3, deadline_exceeded: 2 })
    const logged = server.logs.flatMap((line) => parseLine(line) ?? [])
    expect(logged).toContainEqual(
      expect.objectContaining({ msg: 'request', status: 200, error: 'queue_timeout' }),
    )
    expect(logged).toContainEqual(
      expect.objectContaining({ msg: 'request', status: 504, error: 'deadline_exceeded' }),
    )
  })

  it.each([
    [0, 'deadline_ms', 'integer_below_min_value'],
    ['1', 'deadline_ms', 'invalid_type'],
  ])('a deadline of %j is refused', async (deadline_ms, param, code) => {
    const answer = await ask({ deadline_ms })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ error: { param, code } })
  })
})

describe('time limits of a connection', () => {
  beforeAll(async () => {
    server = await startServer(['--receive-timeout', '1'])
  })
  afterAll(() => server.stop())

  const port = (): number => Number(new URL(server.url).port)
  const head = 'POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n'

  it.concurrent.each([
    ['says nothing', '', ''],
    ['never ends its headers', 'GET /health HTTP/1.1\r\nhost: a\r\nx: ', ''],
    ['never ends its body', `${head}content-length: 100\r\n\r\n{`, ''],
    ['sends a byte now and then', `${head}content-length: 100\r\n\r\n{`, ' '],
  ])('a client that %s is cut off', async (_name, bytes, more) => {
    const started = performance.now()
    const socket = connect(port(), '127.0.0.1')
    socket.write(bytes)
    const drip = setInterval(() => socket.write(more), 100)
    let answer = ''
    try {
      for await (const chunk of socket) answer += String(chunk)
    } catch {
      // A reset is as good.
    } finally {
      clearInterval(drip)
    }
    expect(performance.now() - started).toBeGreaterThan(900)
    expect(answer).toMatch(bytes === '' ? /^(HTTP\/1\.1 408|$)/ : /^HTTP\/1\.1 408[\s\S]*request_timeout/)
  })
})
