import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
const model = 'altiplano-demo'

beforeAll(async () => {
  const flags = [
    '--slots',
    '1',
    '--max-queue',
    '8',
    '--heartbeat-interval',
    '1',
    '--served-model-name',
    model,
  ]
  server = await startServer(flags)
})
afterAll(() => server.stop())

const post = (path: string, body: object, signal: AbortSignal): Promise<Response> =>
  fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, stream: true, ...body }),
    signal,
  })

/** Reads until the pattern was seen so often; false when the stream ends before. */
async function seen(response: Response, pattern: RegExp, times: number): Promise<boolean> {
  let text = ''
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk
    if ((text.match(pattern) ?? []).length >= times) return true
  }
  return false
}

describe('a reader that sees events only', () => {
  it.each([
    {
      path: '/v1/messages',
      body: { messages: [{ role: 'user', content: 'Hi' }], max_tokens: 1 },
      event: /^event: ping$/gm,
    },
    {
      path: '/v1/responses',
      body: { input: 'Hi', max_output_tokens: 1 },
      event: /^event: response.in_progress$/gm,
    },
  ])('is kept awake while it waits for $path', async ({ path, body, event }) => {
    const controller = new AbortController()
    const { signal } = controller
    const long = { messages: [{ role: 'user', content: 'Hi' }], ignore_eos: true }
    const ahead = Array.from({ length: 6 }, () => post('/v1/chat/completions', long, signal))
    await Promise.all(ahead)
    const waiting = await post(path, body, signal)
    expect(await seen(waiting, event, 2)).toBe(true)
    controller.abort()
  })
})
