import Anthropic from '@anthropic-ai/sdk'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { postJson } from '../support/http.ts'
import { metric } from '../support/metrics.ts'
import { type OpenAiServer, startOpenAi } from '../support/openai.ts'
import { until } from '../support/patience.ts'
import { parseLine } from '../support/server.ts'

let server: OpenAiServer

beforeAll(async () => {
  const patience = ['--padding-after', '1', '--heartbeat-interval', '1']
  server = await startOpenAi(['--slots', '1', '--context-size', '16384', ...patience])
})
afterAll(() => server.stop())

const messages = [{ role: 'user' as const, content: 'Hello' }]
const send = (path: string, body: object): Promise<Response> =>
  postJson(server.url + path, { model: server.model, ...body })

describe('an unstreamed answer that waits for its slot', () => {
  let busy: Response
  const free = () => busy.body?.cancel()
  beforeEach(async () => {
    const endless = { messages, stream: true, max_tokens: 15_000, ignore_eos: true }
    busy = await send('/v1/chat/completions', endless)
  })
  afterEach(free)

  it('an unstreamed answer that waits for its slot begins with spaces, on every path', async () => {
    const answers = await Promise.all([
      send('/v1/chat/completions', { messages, max_tokens: 3 }),
      send('/v1/completions', { prompt: 'One', max_tokens: 3 }),
      send('/v1/responses', { input: 'Hello', max_output_tokens: 3 }),
      send('/v1/messages', { messages, max_tokens: 3 }),
    ])
    await free()
    for (const answer of answers) {
      expect([answer.status, answer.headers.get('content-type')]).toEqual([
        200,
        'application/json; charset=utf-8',
      ])
      const text = await answer.text()
      expect(text).toMatch(/^ +\{/)
      expect(JSON.parse(text)).toHaveProperty('usage')
    }
  })

  it('the SDKs read an answer that begins with spaces', async () => {
    const anthropic = new Anthropic({ baseURL: server.url, apiKey: 'none', maxRetries: 0 })
    const asked = { model: server.model, messages, max_tokens: 3 }
    const begun = Promise.all([
      server.client.chat.completions.create(asked),
      anthropic.messages.create(asked),
      send('/v1/chat/completions', asked).then(free),
    ])
    const [chat, message] = await begun
    expect([chat.usage?.completion_tokens, message.usage.output_tokens]).toEqual([3, 3])
  })

  it('an answer that fails after its spaces is cut off, logged and counted', async () => {
    const answer = await send('/v1/chat/completions', { messages, deadline_ms: 1500 })
    expect(answer.status).toBe(200)
    await expect(answer.text()).rejects.toThrow()
    expect(await metric(server.url, 'altiplano_errors_total', { code: 'deadline_exceeded' })).toBe(1)
    const logged = server.logs.flatMap((line) => parseLine(line) ?? [])
    const line = { msg: 'request', error: 'deadline_exceeded', aborted: true }
    expect(logged).toContainEqual(expect.objectContaining(line))
  })

  it('an answer that fails before its spaces has the status of its error', async () => {
    const answer = await send('/v1/chat/completions', { messages, deadline_ms: 300 })
    expect([answer.status, await answer.json()]).toMatchObject([
      504,
      { error: { code: 'deadline_exceeded' } },
    ])
  })
})

it('an answer without a wait has no spaces', async () => {
  let text = ''
  // On a busy machine any may take a second.
  await until(async () => {
    const asked = performance.now()
    text = await (await send('/v1/chat/completions', { messages, max_tokens: 5 })).text()
    return performance.now() - asked < 1000
  })
  expect(text).toMatch(/^\{/)
})
