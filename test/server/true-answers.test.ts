import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { wrongIn } from '../support/answers/judge.ts'
import { RecordedAnswers } from '../support/answers/recorded.ts'
import type { WireAnswer } from '../support/answers/wire.ts'
import { postJson } from '../support/http.ts'
import { recordAnswers, startServer, type TestServer } from '../support/server.ts'

const chat = { model: 'altiplano-demo', messages: [{ role: 'user', content: 'Hi' }], max_tokens: 2 }

describe('the answers of a server under test', () => {
  const recorded = new RecordedAnswers()
  let server: TestServer
  beforeAll(async () => {
    // In place of the record that every test file has.
    recordAnswers(recorded)
    server = await startServer()
    recorded.take()
  })
  afterAll(async () => {
    await server.stop()
    recorded.remove()
  })

  it('recorded answers of a test server have their request and the whole body', async () => {
    await (await postJson(`${server.url}/v1/chat/completions`, chat)).text()
    const [answer] = recorded.take()
    const body = JSON.stringify(chat)
    expect(answer).toMatchObject({ status: 200, type: 'application/json', whole: true })
    expect(answer?.asked).toEqual({ method: 'POST', url: '/v1/chat/completions', body })
    expect(JSON.parse(answer?.body ?? '')).toHaveProperty('choices')
  })

  it('a recorded answer has the stream to its last event', async () => {
    const stream = await (
      await postJson(`${server.url}/v1/chat/completions`, { ...chat, stream: true })
    ).text()
    const [answer] = recorded.take()
    expect([answer?.type, answer?.body]).toEqual(['text/event-stream', stream])
  })
})

const version: WireAnswer = {
  asked: { method: 'GET', url: '/version', body: '' },
  status: 200,
  type: 'application/json',
  body: '{"version":"1"}',
  whole: true,
}
const asking = (url: string, body: unknown = {}): Pick<WireAnswer, 'asked'> => ({
  asked: { method: 'POST', url, body: JSON.stringify(body) },
})
const event = 'event: ping\ndata: {"type":"ping"}\n\n'

describe('an answer that the OpenAPI description covers', () => {
  it.each<[string, Partial<WireAnswer>]>([
    ['an answer', {}],
    ['an answer that was cut off', { body: '{"ver', whole: false }],
    ['an event', { ...asking('/v1/messages', { ...chat }), type: 'text/event-stream', body: event }],
    [
      'the same answer under /openai/v1',
      { ...asking('/openai/v1/tokenize', { prompt: '' }), body: '{"tokens":[1]}' },
    ],
  ])('the check of answers against the description accepts %s', (_, answer) => {
    expect(wrongIn({ ...version, ...answer })).toBeUndefined()
  })

  it.each<[string, Partial<WireAnswer>, RegExp]>([
    ['a field of another type', { body: '{"version":1}' }, /version must be string/],
    ['a field that is missing', { body: '{}' }, /required property 'version'/],
    ['a field that is not described', { body: '{"version":"1","x":1}' }, /additional properties/],
    ['another content type', { type: 'text/html' }, /no such content/],
    ['another status', { status: 202 }, /no operation/],
    ['an undescribed path', { asked: { method: 'GET', url: '/secret', body: '' } }, /no operation/],
    ['an error of no known code', { status: 400, body: '{"error":{"code":"odd"}}' }, /required property/],
    ["another protocol's error", { ...asking('/v1/messages'), status: 404, body: '{"error":{}}' }, /type/],
    [
      'an event under another name',
      { ...asking('/v1/messages', chat), type: 'text/event-stream', body: event.replace('ping', 'pong') },
      /anyOf/,
    ],
    ['a body that no description allows', asking('/tokenize', { prompt: 5 }), /the body is none/],
  ])('the check of answers against the description finds %s', (_, answer, why) => {
    expect(wrongIn({ ...version, ...answer })).toMatch(why)
  })
})
