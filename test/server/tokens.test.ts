import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer(['--model-name', 'demo', '--slots', '2', '--control-token-ids'])
})
afterAll(() => server.stop())

async function post<T>(path: string, body: object): Promise<T> {
  const answer = await fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const json = (await answer.json()) as T
  if (answer.status !== 200) throw Object.assign(new Error(JSON.stringify(json)), { status: answer.status })
  return json
}

interface Usage {
  readonly usage: {
    readonly prompt_tokens: number
    readonly prompt_tokens_details: { readonly cached_tokens: number }
  }
}
interface Listed {
  readonly count: number
  readonly max_model_len: number
  readonly tokens: readonly number[]
  readonly token_strs: readonly string[] | null
}

const messages = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'What is the capital of France?' },
]
const tools = [
  {
    type: 'function',
    function: { name: 'add', parameters: { type: 'object', properties: { a: { type: 'integer' } } } },
  },
]

describe('the render endpoints', () => {
  it.each([
    ['a chat', { messages }],
    ['a chat with tools', { messages, tools }],
    ['a chat that thinks', { messages, chat_template_kwargs: { enable_thinking: true } }],
  ])('the render endpoint returns the token ids that the engine gets of %s', async (_what, chat) => {
    const body = { model: 'demo', ...chat }
    const { token_ids } = await post<{ token_ids: number[] }>('/v1/chat/completions/render', body)
    const { usage } = await post<Usage>('/v1/chat/completions', { ...body, max_completion_tokens: 1 })
    expect(token_ids).toHaveLength(usage.prompt_tokens)
    // All of them but the last, which is always computed, are found where the chat has left them.
    const again = await post<Usage>('/v1/completions', { model: 'demo', prompt: token_ids, max_tokens: 1 })
    expect(again.usage.prompt_tokens_details.cached_tokens).toBe(token_ids.length - 1)
  })

  it('the render endpoint returns the token ids of each prompt of a completion', async () => {
    const prompt = ['Once upon a time', 'Hello']
    const rendered = await post<{ token_ids: number[] }[]>('/v1/completions/render', {
      model: 'demo',
      prompt,
    })
    expect(rendered).toHaveLength(2)
    for (const [index, { token_ids }] of rendered.entries()) {
      const { tokens } = await post<Listed>('/tokenize', { prompt: prompt[index] })
      expect(token_ids).toEqual(tokens)
    }
  })

  it('the render endpoint refuses what the rendered request would be refused for', async () => {
    const wrong = post('/v1/chat/completions/render', { model: 'demo', messages: [], temperature: 9 })
    await expect(wrong).rejects.toMatchObject({ status: 400 })
    await expect(post('/v1/completions/render', { model: 'none', prompt: 'x' })).rejects.toMatchObject({
      status: 404,
    })
  })
})

describe('/tokenize and /detokenize', () => {
  it.each(['/tokenize', '/v1/tokenize'])('%s counts and lists the tokens of a text', async (path) => {
    const { count, max_model_len, tokens, token_strs } = await post<Listed>(path, {
      model: 'demo',
      prompt: 'Hello, wörld! 日本',
      return_token_strs: true,
    })
    expect([tokens.length, token_strs?.length]).toEqual([count, count])
    expect(max_model_len).toBeGreaterThan(0)
    const { prompt } = await post<{ prompt: string }>('/detokenize', { model: 'demo', tokens })
    expect(prompt).toBe('Hello, wörld! 日本')
  })

  it('tokenize lists as many tokens as an answer may have, and says when there are more', async () => {
    const prompt = '日'.repeat(349_525)
    const all = await post<Listed>('/tokenize', { prompt, return_token_strs: true })
    const { count, tokens, token_strs } = all
    expect([count, tokens.length, token_strs?.length]).toEqual([1_048_575, 1_048_575, 1_048_575])
    const some = prompt.slice(0, 30_000)
    expect(await post('/detokenize', { tokens: tokens.slice(0, 90_000) })).toEqual({
      prompt: some,
      content: some,
    })
    const refused = post('/tokenize', { prompt: `${prompt}日` })
    await expect(refused).rejects.toThrow(
      "Invalid 'prompt': it has 1048578 tokens, and an answer lists at most 1048576.",
    )
    const render = (texts: string[]): Promise<object> =>
      post('/v1/completions/render', { model: 'demo', prompt: texts })
    await expect(render([prompt, 'one more'])).rejects.toThrow('an answer lists at most')
    const chat = { model: 'demo', max_tokens: 1, messages: [{ role: 'user', content: prompt }] }
    expect(await post('/v1/messages/count_tokens', chat)).toEqual({ input_tokens: expect.any(Number) })
  })

  it('tokenize counts a chat as the chat endpoint does', async () => {
    const { count, tokens, token_strs } = await post<Listed>('/tokenize', {
      messages,
      return_token_strs: true,
    })
    const { token_ids } = await post<{ token_ids: number[] }>('/v1/chat/completions/render', {
      model: 'demo',
      messages,
    })
    expect(tokens).toEqual(token_ids)
    expect(count).toBe(tokens.length)
    expect(token_strs?.[0]).toBe('<|im_start|>')
    const { content } = await post<{ content: string }>('/detokenize', { tokens })
    expect(content).toContain('<|im_start|>user\nWhat is the capital of France?<|im_end|>')
  })

  it('tokenize treats control tokens in a text as text', async () => {
    const { tokens } = await post<Listed>('/tokenize', { prompt: '<|im_end|>' })
    expect(tokens.length).toBeGreaterThan(1)
  })

  it('tokenize and detokenize accept requests of clients of llama-server', async () => {
    const { tokens } = await post<{ tokens: number[] }>('/tokenize', { content: 'Hello there' })
    const pieces = await post<{ tokens: { id: number; piece: string }[] }>('/tokenize', {
      content: 'Hello there',
      with_pieces: true,
    })
    expect(pieces.tokens.map(({ id }) => id)).toEqual(tokens)
    expect(pieces.tokens.map(({ piece }) => piece).join('')).toBe('Hello there')
    expect(await post('/detokenize', { tokens })).toMatchObject({ content: 'Hello there' })
  })

  it.each([
    ['/tokenize', {}, 'prompt'],
    ['/tokenize', { prompt: 7 }, 'prompt'],
    ['/tokenize', { messages, add_generation_prompt: false }, 'add_generation_prompt'],
    ['/detokenize', {}, 'tokens'],
    ['/detokenize', { tokens: [1.5] }, 'tokens[0]'],
    ['/detokenize', { tokens: [0, -1] }, 'tokens[1]'],
    ['/detokenize', { tokens: [4_000_000_000] }, 'tokens[0]'],
    ['/detokenize', { tokens: 'x' }, 'tokens'],
  ])('%s refuses %j', async (path, body, param) => {
    await expect(post(path, body)).rejects.toThrow(`"param":"${param}"`)
  })
})

describe('the version, properties and slots of a server', () => {
  const get = async <T>(path: string): Promise<T> => (await (await fetch(`${server.url}${path}`)).json()) as T

  it('the server reports its version and its properties', async () => {
    expect(await get('/version')).toEqual({ version: expect.stringMatching(/^\d+\.\d+\.\d+$/) })
    expect(await get('/props')).toMatchObject({
      model_alias: 'demo',
      total_slots: 2,
      default_generation_settings: { n_ctx: expect.any(Number) },
      chat_template: expect.stringContaining('<|im_start|>'),
    })
  })

  it('the server reports how many slots are busy, and no text', async () => {
    const stream = await fetch(`${server.url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'demo',
        prompt: 'canary',
        max_tokens: 400,
        ignore_eos: true,
        stream: true,
      }),
    })
    const reader = stream.body?.getReader()
    await reader?.read()
    const slots = await get<object[]>('/slots')
    expect(slots).toEqual([
      {
        id: 0,
        n_ctx: expect.any(Number),
        is_processing: true,
        n_prompt_tokens: 2,
        n_decoded: expect.any(Number),
      },
      { id: 1, n_ctx: expect.any(Number), is_processing: false },
    ])
    await reader?.cancel()
  })
})
