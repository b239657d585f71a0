import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postJson } from '../support/http.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.stop())

const model = 'altiplano-demo'
const user = { role: 'user', content: 'What is the weather?' }

interface Refused {
  readonly error: { readonly code?: string; readonly param?: string; readonly message: string }
}

async function ask(path: string, body: object): Promise<{ status: number; error: Refused['error'] }> {
  const answer = await postJson(`${server.url}${path}`, { model, ...body })
  return {
    status: answer.status,
    error: ((await answer.json()) as Partial<Refused>).error ?? { message: '' },
  }
}

describe('Chat Completions', () => {
  const called = (...ids: string[]) => ({
    role: 'assistant',
    content: null,
    tool_calls: ids.map((id) => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } })),
  })
  const answered = (id: string) => ({ role: 'tool', tool_call_id: id, content: 'Sun' })
  const chat = (path: string, messages: object[]) => ask(path, { messages, max_completion_tokens: 1 })
  const missing = (ids: string): string =>
    `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: ${ids}`

  it.each([
    ['at the end', [user, called('c1')], 'c1', 1],
    ['before a user', [user, called('c1'), user], 'c1', 1],
    ['before an assistant', [user, called('c1'), { role: 'assistant', content: 'a' }], 'c1', 1],
    ['before another call', [user, called('c1'), called('c2'), answered('c1'), answered('c2')], 'c1', 1],
    ['two of three', [user, called('c1', 'c2', 'c3'), answered('c2'), user], 'c1, c3', 1],
    ['an answer that comes too late', [user, called('c1'), user, answered('c1')], 'c1', 1],
    ['a second turn', [user, called('c1'), answered('c1'), called('c1'), user], 'c1', 3],
    ['an id with quotes and lines', [user, called('c"\n1')], 'c\\"\\n1', 1],
  ])('Chat Completions refuses calls without answers: %s', async (_name, messages, ids, at) => {
    for (const path of ['/v1/chat/completions', '/v1/chat/completions/render', '/tokenize']) {
      expect(await chat(path, messages)).toMatchObject({
        status: 400,
        error: { code: 'invalid_value', param: `messages[${at}].tool_calls`, message: missing(ids) },
      })
    }
  })

  it.each([
    ['an answer to no call', [user, answered('c1')], 'messages[1].role'],
    ['an answer to another call', [user, called('c1'), answered('c2')], 'messages[2].tool_call_id'],
    [
      'a second answer, between',
      [user, called('c1', 'c2'), answered('c1'), answered('c1')],
      'messages[3].tool_call_id',
    ],
    ['a second answer, behind', [user, called('c1'), answered('c1'), answered('c1')], 'messages[3].role'],
    ['two calls of one id', [user, called('c1', 'c1'), answered('c1')], 'messages[1].tool_calls'],
  ])('Chat Completions refuses %s', async (_name, messages, param) => {
    expect(await chat('/v1/chat/completions', messages)).toMatchObject({ status: 400, error: { param } })
  })

  it.each([
    ['in any order', [user, called('c1', 'c2'), answered('c2'), answered('c1')]],
    ['an id again in a later turn', [user, called('c'), answered('c'), called('c'), answered('c'), user]],
    ['an answer begun', [user, called('c1'), answered('c1'), { role: 'assistant', content: 'It' }]],
  ])('Chat Completions accepts calls with their answers: %s', async (_name, messages) => {
    expect(await chat('/v1/chat/completions', messages)).toMatchObject({ status: 200 })
  })
})

describe('Messages', () => {
  const used = (...ids: string[]) => ({
    role: 'assistant',
    content: ids.map((id) => ({ type: 'tool_use', id, name: 'f', input: {} })),
  })
  const result = (id: string) => ({ type: 'tool_result', tool_use_id: id, content: 'Sun' })
  const results = (...ids: string[]) => ({ role: 'user', content: ids.map(result) })
  const send = (path: string, messages: object[]) => ask(path, { messages, max_tokens: 1 })

  it.each([
    ['before a text', [user, used('t1'), user], 'messages.1', 't1'],
    ['one of two', [user, used('t1', 't2'), results('t1')], 'messages.1', 't2'],
    [
      'one of two, with a text',
      [user, used('t1', 't2'), { role: 'user', content: [result('t2'), { type: 'text', text: 'Hi' }] }],
      'messages.1',
      't1',
    ],
    ['an answer between', [user, used('t1', 't2'), results('t1'), used('t3'), user], 'messages.1', 't2'],
    ['a second turn', [user, used('t1'), results('t1'), used('t2', 't3'), user], 'messages.3', 't2, t3'],
    [
      'a system message between',
      [user, used('t1'), { role: 'system', content: 'Hi' }, results('t1')],
      'messages.1',
      't1',
    ],
  ])('Messages refuses a tool_use without a result: %s', async (_name, messages, at, ids) => {
    for (const path of ['/v1/messages', '/v1/messages/count_tokens']) {
      const { status, error } = await send(path, messages)
      expect([status, error.message]).toEqual([
        400,
        `${at}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${ids}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`,
      ])
    }
  })

  it('Messages refuses a second result of a tool_use', async () => {
    const { status, error } = await send('/v1/messages', [user, used('t1'), results('t1', 't1')])
    expect([status, error.message]).toEqual([
      400,
      expect.stringContaining('messages[2].content[1].tool_use_id'),
    ])
  })

  it.each([
    ['in any order, and a text', [user, used('t1', 't2'), results('t2', 't1'), user]],
    ['in several messages', [user, used('t1', 't2'), results('t1'), results('t2')]],
    ['of calls in several messages', [user, used('t1'), used('t2'), results('t1', 't2')]],
  ])('Messages accepts results %s', async (_name, messages) => {
    expect(await send('/v1/messages', messages)).toMatchObject({ status: 200 })
  })
})

describe('Responses', () => {
  const call = (id: string, type = 'function_call') => ({
    type,
    call_id: id,
    name: 'f',
    [type === 'function_call' ? 'arguments' : 'input']: '{}',
  })
  const output = (id: string, type = 'function_call_output') => ({ type, call_id: id, output: 'Sun' })
  const send = (path: string, input: object[]) => ask(path, { input, max_output_tokens: 1 })

  it.each([
    ['at the end', [user, call('c1')], 'c1', 1],
    ['before a user', [user, call('c1'), user], 'c1', 1],
    ['one of two', [user, call('c1'), call('c2'), output('c1'), user], 'c2', 2],
    ['of a custom tool', [user, call('c1', 'custom_tool_call')], 'c1', 1],
  ])('Responses refuses a call without output: %s', async (_name, input, id, at) => {
    for (const path of ['/v1/responses', '/v1/responses/input_tokens']) {
      expect(await send(path, input)).toMatchObject({
        status: 400,
        error: {
          code: 'invalid_value',
          param: `input[${at}].call_id`,
          message: `No tool output found for function call ${id}.`,
        },
      })
    }
  })

  it.each([
    ['a second output', [user, call('c1'), output('c1'), output('c1')], 'input[3].call_id'],
    ['two calls of one id', [user, call('c1'), call('c1'), output('c1')], 'input[2].call_id'],
  ])('Responses refuses %s', async (_name, input, param) => {
    expect(await send('/v1/responses', input)).toMatchObject({ status: 400, error: { param } })
  })

  it.each([
    ['in any order', [user, call('c1'), call('c2'), output('c2'), output('c1')]],
    ['after other messages', [user, call('c1'), user, output('c1')]],
    ['of a custom tool', [user, call('c1', 'custom_tool_call'), output('c1', 'custom_tool_call_output')]],
  ])('Responses accepts outputs %s', async (_name, input) => {
    expect(await send('/v1/responses', input)).toMatchObject({ status: 200 })
  })
})
