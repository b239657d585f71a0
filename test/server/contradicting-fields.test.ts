import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postJson } from '../support/http.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
let strict: TestServer
beforeAll(async () => {
  server = await startServer()
  strict = await startServer(['--strict-params'])
})
afterAll(async () => {
  await server.stop()
  await strict.stop()
})

const model = 'altiplano-demo'
const hello = { role: 'user', content: 'Hi' }
const bodies = {
  '/v1/chat/completions': { model, messages: [hello], max_completion_tokens: 2 },
  '/v1/completions': { model, prompt: 'Hi', max_tokens: 2 },
  '/v1/responses': { model, input: 'Hi', max_output_tokens: 2 },
  '/v1/messages': { model, messages: [hello], max_tokens: 2 },
} as const
type Path = keyof typeof bodies

const said = (fields: object): object => ({ messages: [hello, { role: 'assistant', ...fields }, hello] })
const kwargs = (enable_thinking: boolean): object => ({ chat_template_kwargs: { enable_thinking } })
const stream = (options: object): object => ({ stream: true, stream_options: options })
const prediction = { type: 'content', content: 'four' }

const lost: readonly (readonly [Path, object, string])[] = [
  ['/v1/chat/completions', { max_tokens: 5 }, 'max_tokens'],
  ['/v1/chat/completions', { repeat_penalty: 1.1, repetition_penalty: 1.2 }, 'repetition_penalty'],
  ['/v1/completions', { repeat_penalty: 1.1, repetition_penalty: 1.2 }, 'repetition_penalty'],
  ['/v1/chat/completions', { thinking_budget: 5, reasoning_budget_tokens: 100 }, 'reasoning_budget_tokens'],
  ['/v1/chat/completions', { thinking_token_budget: -1, thinking_budget_tokens: 7 }, 'thinking_token_budget'],
  ['/v1/chat/completions', { thinking_budget: 5, reasoning: { max_tokens: 9 } }, 'reasoning.max_tokens'],
  ['/v1/responses', { thinking_budget: 5, reasoning_budget_tokens: 100 }, 'reasoning_budget_tokens'],
  ['/v1/chat/completions', { reasoning_effort: 'high', reasoning: { effort: 'low' } }, 'reasoning.effort'],
  ['/v1/chat/completions', { reasoning_effort: 'high', reasoning: { enabled: false } }, 'reasoning.enabled'],
  ['/v1/chat/completions', { reasoning: { effort: 'high', enabled: false } }, 'reasoning.effort'],
  ['/v1/chat/completions', { reasoning: { effort: 'none', enabled: true } }, 'reasoning.enabled'],
  ['/v1/chat/completions', { reasoning_effort: 'high', ...kwargs(false) }, 'reasoning_effort'],
  ['/v1/chat/completions', { reasoning_effort: 'none', ...kwargs(true) }, 'reasoning_effort'],
  ['/v1/chat/completions', { reasoning: { enabled: false }, ...kwargs(true) }, 'reasoning.enabled'],
  ['/v1/responses', { reasoning: { effort: 'none' }, ...kwargs(true) }, 'reasoning.effort'],
  ['/v1/messages', { thinking: { type: 'adaptive' }, ...kwargs(false) }, 'thinking'],
  ['/v1/messages', { thinking: { type: 'disabled' }, ...kwargs(true) }, 'thinking'],
  [
    '/v1/chat/completions',
    said({ content: 'a', reasoning: 'b', reasoning_content: 'c' }),
    'messages[1].reasoning',
  ],
  ['/v1/chat/completions', said({ content: 'a', refusal: 'b' }), 'messages[1].refusal'],
  ['/v1/chat/completions', { prompt_lookup: false, prediction }, 'prediction'],
  ['/v1/messages', { prompt_lookup: false, prediction }, 'prediction'],
  [
    '/v1/chat/completions',
    stream({ include_usage: false, continuous_usage_stats: true }),
    'stream_options.continuous_usage_stats',
  ],
  ['/v1/completions', stream({ continuous_usage_stats: true }), 'stream_options.continuous_usage_stats'],
  ['/v1/completions', { max_completion_tokens: 5 }, 'max_completion_tokens'],
  ['/v1/responses', { max_tokens: 5 }, 'max_tokens'],
  [
    '/v1/messages',
    { thinking: { type: 'adaptive', budget_tokens: 5 }, thinking_budget: 9 },
    'thinking_budget',
  ],
]

const agreeing: readonly (readonly [Path, object])[] = [
  ['/v1/chat/completions', { max_tokens: 2 }],
  ['/v1/chat/completions', { max_tokens: 2, max_completion_tokens: null }],
  ['/v1/chat/completions', { repeat_penalty: 1.1, repetition_penalty: 1.1 }],
  ['/v1/chat/completions', { thinking_budget: 5, reasoning_budget_tokens: 5, reasoning: { max_tokens: 5 } }],
  ['/v1/responses', { thinking_budget: 5, thinking_token_budget: 5 }],
  ['/v1/chat/completions', { reasoning_effort: 'high', reasoning: { effort: 'high', enabled: true } }],
  ['/v1/chat/completions', { reasoning_effort: 'high', ...kwargs(true) }],
  ['/v1/chat/completions', { reasoning_effort: 'none', reasoning: { enabled: false }, ...kwargs(false) }],
  ['/v1/responses', { reasoning: { effort: 'low' }, ...kwargs(true) }],
  ['/v1/messages', { thinking: { type: 'adaptive' }, ...kwargs(true) }],
  ['/v1/messages', kwargs(true)],
  ['/v1/chat/completions', said({ content: 'a', reasoning: 'b', reasoning_content: 'b', refusal: null })],
  ['/v1/chat/completions', { prompt_lookup: true, prediction }],
  ['/v1/chat/completions', stream({ include_usage: true, continuous_usage_stats: true })],
]

const ask = (where: TestServer, path: Path, fields: object): Promise<Response> =>
  postJson(where.url + path, { ...bodies[path], ...fields })

describe('two fields that contradict each other', () => {
  it.each(lost)('%s names the field that loses: %j', async (path, fields, name) => {
    const answer = await ask(server, path, fields)
    await answer.text()
    expect([answer.status, answer.headers.get('x-ignored-params')]).toEqual([200, name])
    const refused = await ask(strict, path, fields)
    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining(name)])
  })

  it.each(agreeing)('%s names no field where both agree: %j', async (path, fields) => {
    const answer = await ask(strict, path, fields)
    await answer.text()
    expect([answer.status, answer.headers.get('x-ignored-params')]).toEqual([200, null])
  })
})
