import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '../support/server.ts'

const messages = [{ role: 'user', content: 'Hello!' }]
/** Each protocol's body, its field for the most tokens, and what it says of an answer that they cut. */
const PROTOCOLS = [
  ['/v1/chat/completions', { messages }, 'max_tokens'],
  ['/v1/chat/completions', { messages }, 'max_completion_tokens'],
  ['/v1/chat/completions', { messages }, 'n_predict'],
  ['/v1/completions', { prompt: 'Once' }, 'max_tokens'],
  ['/v1/completions', { prompt: 'Once' }, 'n_predict'],
  ['/v1/responses', { input: 'Hello!' }, 'max_output_tokens'],
  ['/v1/messages', { messages }, 'max_tokens'],
  ['/v1/models/altiplano-demo:predict', { messages }, 'max_tokens'],
  ['/v2/models/altiplano-demo/infer', { prompt: 'Once' }, 'max_tokens'],
] as const

interface Answer {
  readonly choices?: readonly { finish_reason: string; text?: string; message?: { content: string } }[]
  readonly incomplete_details?: { reason: string }
  readonly stop_reason?: string
  readonly usage: Readonly<Record<string, number>>
  readonly error?: { code: string; message: string }
}

const reasonOf = ({ choices, incomplete_details: details, stop_reason: stop }: Answer): string | undefined =>
  choices?.[0]?.finish_reason ?? details?.reason ?? stop
const tokensOf = ({ usage }: Answer): number => usage['completion_tokens'] ?? usage['output_tokens'] ?? -1

let server: TestServer
let strict: TestServer
const post = (path: string, body: object, { url } = server): Promise<Response> =>
  fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

beforeAll(async () => {
  const flags = ['--context-size', '256']
  ;[server, strict] = await Promise.all([startServer(flags), startServer([...flags, '--strict-params'])])
})
afterAll(() => Promise.all([server.stop(), strict.stop()]))

describe('more tokens than the context has left', () => {
  it.each(PROTOCOLS)('a limit above the context is cut and named: %s %j %s', async (path, body, field) => {
    const wanted = { ...body, max_tokens: undefined, [field]: 32_000, ignore_eos: true }
    const response = await post(path, wanted)
    const answer = (await response.json()) as Answer
    expect([response.status, response.headers.get('x-ignored-params')]).toEqual([200, field])
    expect(['length', 'max_output_tokens', 'model_context_window_exceeded']).toContain(reasonOf(answer))
    expect(tokensOf(answer)).toBeGreaterThan(200)
    const streamed = await post(path, { ...wanted, stream: true })
    expect([streamed.status, streamed.headers.get('x-ignored-params')]).toEqual([200, field])
    expect(await streamed.text()).toMatch(/"(length|max_output_tokens|model_context_window_exceeded)"/)
  })

  it.each(PROTOCOLS)('strict mode refuses a limit above the context: %s %j %s', async (path, body, field) => {
    const response = await post(path, { ...body, [field]: 32_000 }, strict)
    const { error } = (await response.json()) as Answer
    expect(response.status).toBe(400)
    expect(error?.message).toMatch(/maximum context length is 256 tokens.* you requested 320\d\d tokens/)
  })

  it.each(PROTOCOLS)('a prompt that cannot fit is refused: %s %j %s', async (path, body, field) => {
    const long = 'word '.repeat(400)
    const prompt = 'messages' in body ? { messages: [{ role: 'user', content: long }] } : {}
    const texts = {
      ...prompt,
      ...('prompt' in body && { prompt: long }),
      ...('input' in body && { input: long }),
    }
    const response = await post(path, { ...body, ...texts, [field]: 32_000 })
    expect(response.status).toBe(400)
    expect(((await response.json()) as Answer).error?.message).toMatch(/resulted in \d+ tokens/)
  })

  it('a limit that fits the context is not named as ignored', async () => {
    const response = await post('/v1/chat/completions', { messages, max_tokens: 100 })
    expect([response.status, response.headers.get('x-ignored-params')]).toEqual([200, null])
  })

  it('the default of 16 tokens is cut to the context in strict mode too', async () => {
    const prompt = Array.from({ length: 250 }, () => 100)
    const response = await post('/v1/completions', { prompt, ignore_eos: true }, strict)
    expect([response.status, tokensOf((await response.json()) as Answer)]).toEqual([200, 6])
  })
})

describe('limits of llama-server', () => {
  it.each(PROTOCOLS)('a limit of -1 is all that is left: %s %j %s', async (path, body, field) => {
    const response = await post(path, { ...body, [field]: -1, ignore_eos: true })
    expect([response.status, response.headers.get('x-ignored-params')]).toEqual([200, null])
    expect(tokensOf((await response.json()) as Answer)).toBeGreaterThan(200)
  })

  it.each(PROTOCOLS)('a limit of 0 only reads the prompt: %s %j %s', async (path, body, field) => {
    const response = await post(path, { ...body, [field]: 0 })
    const answer = (await response.json()) as Answer
    expect([response.status, tokensOf(answer)]).toEqual([200, 0])
    expect(['length', 'max_output_tokens', 'max_tokens']).toContain(reasonOf(answer))
    const streamed = await post(path, { ...body, [field]: 0, stream: true })
    expect(await streamed.text()).toMatch(/"(length|max_output_tokens|max_tokens)"/)
  })

  it("a limit of llama-server that differs from OpenAI's is named as ignored", async () => {
    const response = await post('/v1/completions', { prompt: 'Once', max_tokens: 2, n_predict: 3 })
    expect(response.headers.get('x-ignored-params')).toBe('n_predict')
    expect(tokensOf((await response.json()) as Answer)).toBe(2)
  })
})

describe('a model that is not named', () => {
  const routes: readonly (readonly [string, object])[] = [
    ['/v1/chat/completions', { messages, max_tokens: 1 }],
    ['/v1/completions', { prompt: 'Once', max_tokens: 1 }],
    ['/v1/responses', { input: 'Hello!', max_output_tokens: 1 }],
    ['/v1/responses/input_tokens', { input: 'Hello!' }],
    ['/v1/messages', { messages, max_tokens: 1 }],
    ['/v1/messages/count_tokens', { messages }],
    ['/v1/chat/completions/render', { messages }],
    ['/v1/completions/render', { prompt: 'Once' }],
    ['/tokenize', { prompt: 'Once' }],
    ['/detokenize', { tokens: [100] }],
  ]
  it.each(routes)('a model that is not named is the only one: %s', async (path, body) => {
    for (const model of [undefined, null, '']) {
      const response = await post(path, { ...body, model }, strict)
      const answer = (await response.json()) as { model?: string }
      expect([response.status, answer.model ?? 'altiplano-demo']).toEqual([200, 'altiplano-demo'])
    }
  })

  it.each(routes)('an unknown model name is refused: %s', async (path, body) => {
    expect((await post(path, { ...body, model: 'nope' })).status).toBe(404)
  })
})

describe("stop strings, names and tools beyond OpenAI's bounds", () => {
  const name = `mcp__${'a'.repeat(123)}`
  let roomy: TestServer
  beforeAll(async () => {
    roomy = await startServer()
  })
  afterAll(() => roomy.stop())
  const fn = { name, parameters: { type: 'object', properties: {} } }

  it.each([
    [
      '/v1/chat/completions',
      { messages, tools: [{ type: 'function', function: fn }], tool_choice: 'required' },
    ],
    ['/v1/responses', { input: 'Hello!', tools: [{ type: 'function', ...fn }], tool_choice: 'required' }],
    [
      '/v1/messages',
      {
        messages,
        max_tokens: 250,
        tools: [{ name, input_schema: fn.parameters }],
        tool_choice: { type: 'any' },
      },
    ],
  ])('tools have names of 128 characters: %s', async (path, body) => {
    const response = await post(path, body, roomy)
    const text = (await response.text()).replace(/"tools":.*/, '')
    expect([response.status, text.includes(`"name":"${name}"`)]).toEqual([200, true])
  })

  it.each([
    ['/v1/chat/completions', { messages, max_tokens: 2, stop: 'list' }],
    ['/v1/completions', { prompt: 'Once', max_tokens: 2, stop: 'list' }],
    ['/v1/responses', { input: 'Hello!', max_output_tokens: 2, stop: 'list' }],
    ['/v1/messages', { messages, max_tokens: 2, stop_sequences: 'list' }],
  ])('stop strings are up to 64: %s', async (path, body) => {
    const list = (count: number): object =>
      JSON.parse(JSON.stringify(body), (_key, value) =>
        value === 'list' ? Array.from({ length: count }, (_, index) => `stop ${index}`) : value,
      ) as object
    expect((await post(path, list(64))).status).toBe(200)
    expect((await post(path, list(65))).status).toBe(400)
  })

  it('tools are up to 512, and fit in no context of 256 tokens', async () => {
    const tools = Array.from({ length: 512 }, (_, index) => ({
      type: 'function',
      function: { name: `f${index}` },
    }))
    const response = await post('/v1/chat/completions', { messages, tools })
    const { error } = (await response.json()) as Answer
    expect([response.status, error?.code]).toEqual([400, 'context_length_exceeded'])
    expect((await post('/tokenize', { messages, tools })).status).toBe(200)
  })
})

describe('the fingerprint of the system', () => {
  it.each([
    ['/v1/chat/completions', { messages, max_tokens: 2 }],
    ['/v1/completions', { prompt: 'Once', max_tokens: 2 }],
  ])('every answer and chunk has the fingerprint that equal servers have: %s', async (path, body) => {
    const { system_fingerprint: own } = (await (await post(path, body)).json()) as {
      system_fingerprint: string
    }
    expect(own).toMatch(/^fp_[0-9a-f]{12}$/)
    const other = (await (await post(path, body, strict)).json()) as { system_fingerprint: string }
    expect(other.system_fingerprint).toBe(own)
    const usage = { stream: true, stream_options: { include_usage: true } }
    const events = (await (await post(path, { ...body, ...usage })).text()).match(/^data: \{.*$/gm) ?? []
    expect(events.length).toBeGreaterThan(2)
    for (const event of events) expect(event).toContain(`"system_fingerprint":"${own}"`)
  })

  it('the fingerprint of other settings is another one', async () => {
    const changed = await startServer(['--context-size', '256', '--kv-cache-type', 'q8_0'])
    const ask = async (at: TestServer): Promise<unknown> =>
      (
        (await (await post('/v1/completions', { prompt: 'Once', max_tokens: 1 }, at)).json()) as {
          system_fingerprint: string
        }
      ).system_fingerprint
    expect(await ask(changed)).not.toBe(await ask(server))
    await changed.stop()
  })
})
