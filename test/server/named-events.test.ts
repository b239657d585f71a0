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

const post = (path: string, body: object, signal: AbortSignal, to = server): Promise<Response> =>
  fetch(`${to.url}${path}`, {
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

describe('a client that reads events only', () => {
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
  ])('an event reader gets keep-alive events while it waits for $path', async ({ path, body, event }) => {
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

interface LastEvent {
  readonly name: string
  readonly data: unknown
}

/** Reads to the end; `begun` is called when the first text has come. */
async function lastEvent(response: Response, begun: () => void): Promise<LastEvent> {
  let text = ''
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk
    if (/text_delta|output_text\.delta/.test(text)) begun()
  }
  const frames = text.split('\n\n').filter((frame) => frame.startsWith('event: '))
  const [, name = '', data = ''] = /^event: (\S+)\ndata: (.*)$/.exec(frames.at(-1) ?? '') ?? []
  return { name, data: JSON.parse(data) }
}

describe('a stream that fails', () => {
  it('a stream that fails ends with an error event', async () => {
    const own = await startServer(['--slots', '2', '--drain-timeout', '0', '--served-model-name', model])
    const { signal } = new AbortController()
    const endless = { ignore_eos: true, temperature: 0 }
    const messages = [{ role: 'user', content: 'Hi' }]
    const open = await Promise.all([
      post('/v1/messages', { messages, max_tokens: 1500, ...endless }, signal, own),
      post('/v1/responses', { input: 'Hi', ...endless }, signal, own),
    ])
    const begun = new Set<Response>()
    const ends = open.map((response) =>
      lastEvent(response, () => {
        // Once: a second signal would end it without a word.
        if (!begun.has(response) && begun.add(response).size === open.length) own.process.kill('SIGTERM')
      }),
    )
    expect(await Promise.all(ends)).toMatchObject([
      { name: 'error', data: { type: 'error', error: { type: 'overloaded_error' } } },
      {
        name: 'response.failed',
        data: { type: 'response.failed', response: { status: 'failed', error: { code: 'server_error' } } },
      },
    ])
    await own.stop()
  })
})
