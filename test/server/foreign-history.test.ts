import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.stop())

const PICTURE = 'data:image/png;base64,iVBORw0KGgo='

async function post(path: string, body: object): Promise<{ status: number; ignored: string; text: string }> {
  const response = await fetch(server.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const ignored = response.headers.get('x-ignored-params') ?? ''
  return { status: response.status, ignored, text: await response.text() }
}

const count = async (path: string, body: object): Promise<number> => {
  const { status, text } = await post(path, body)
  if (status !== 200) throw new Error(text)
  return (JSON.parse(text) as { input_tokens: number }).input_tokens
}

describe('items of tools that are not here', () => {
  const question = { role: 'user', content: 'Hi' }
  const respond = (...items: object[]) =>
    post('/v1/responses', { input: [question, ...items, question], max_output_tokens: 1 })

  it.each([
    [
      'a search',
      { type: 'web_search_call', id: 'ws_1', status: 'completed', action: { type: 'search', query: 'moon' } },
    ],
    ['a picture', { type: 'image_generation_call', id: 'ig_1', status: 'completed', result: 'iVBORw0KGgo=' }],
    [
      'a call without an output',
      {
        type: 'local_shell_call',
        id: 'lsh_1',
        call_id: 'c1',
        status: 'completed',
        action: { type: 'exec', command: ['ls'] },
      },
    ],
    [
      'an output without a call',
      {
        type: 'computer_call_output',
        call_id: 'c9',
        output: { type: 'computer_screenshot', image_url: PICTURE },
      },
    ],
    ['a list of tools', { type: 'mcp_list_tools', id: 'mcpl_1', server_label: 's', tools: [] }],
    ['what was compacted', { type: 'compaction', id: 'cmp_1', encrypted_content: 'sealed' }],
  ])('an item of a tool that is not here is left out and named: %s', async (_name, item) => {
    expect(await respond(item)).toMatchObject({ status: 200, ignored: `input[1].${item.type}` })
  })

  it.each([
    [
      'a shell (Codex)',
      [
        {
          type: 'local_shell_call',
          id: 'lsh_1',
          call_id: 'c1',
          status: 'completed',
          action: { type: 'exec', command: ['ls', '-l'] },
        },
        { type: 'function_call_output', call_id: 'c1', output: 'total 0' },
      ],
    ],
    [
      'a shell with an output of its own',
      [
        { type: 'shell_call', call_id: 'c1', action: { commands: ['ls'] } },
        {
          type: 'shell_call_output',
          call_id: 'c1',
          output: [{ stdout: 'total 0', stderr: '', outcome: { type: 'exit', exit_code: 0 } }],
        },
      ],
    ],
    [
      'a screen',
      [
        {
          type: 'computer_call',
          call_id: 'c1',
          action: { type: 'click', x: 1, y: 2 },
          pending_safety_checks: [],
        },
        {
          type: 'computer_call_output',
          call_id: 'c1',
          output: { type: 'computer_screenshot', image_url: PICTURE },
        },
      ],
    ],
    [
      'another server',
      [
        {
          type: 'mcp_call',
          id: 'mcp_1',
          server_label: 'deep',
          name: 'look',
          arguments: '{"at":"moon"}',
          output: 'stone',
        },
      ],
    ],
    [
      'a failure of it',
      [
        {
          type: 'mcp_call',
          id: 'mcp_1',
          server_label: 'deep',
          name: 'look',
          arguments: '{}',
          error: 'no',
          output: null,
        },
      ],
    ],
    [
      'code',
      [
        {
          type: 'code_interpreter_call',
          id: 'ci_1',
          code: '1 + 1',
          container_id: 'c',
          outputs: [
            { type: 'logs', logs: '2' },
            { type: 'image', url: PICTURE },
          ],
        },
      ],
    ],
    [
      'a custom tool',
      [
        { type: 'custom_tool_call', call_id: 'c1', name: 'apply_patch', input: '*** Begin' },
        { type: 'custom_tool_call_output', call_id: 'c1', output: 'Done' },
      ],
    ],
  ])('an item with its output is a call and its result: %s', async (_name, items) => {
    expect(await respond(...items)).toMatchObject({ status: 200, ignored: '' })
    const input = [question, question]
    const without = await count('/v1/responses/input_tokens', { input })
    const withCall = await count('/v1/responses/input_tokens', { input: [question, ...items, question] })
    expect(withCall).toBeGreaterThan(without + 10)
    // A picture is a word, and no text of thousands of tokens.
    expect(withCall).toBeLessThan(without + 150)
  })

  it('an item of no tool is refused', async () => {
    expect((await respond({ type: 'item_reference', id: 'x' })).status).toBe(400)
    expect((await respond({ type: 'poem', text: 'x' })).status).toBe(400)
  })
})

describe('results of tools that are no text', () => {
  const calls = [{ id: 'c1', type: 'function', function: { name: 'look', arguments: '{}' } }]
  const chat = (content: unknown): object => ({
    max_tokens: 1,
    messages: [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: null, tool_calls: calls },
      { role: 'tool', tool_call_id: 'c1', content },
    ],
  })
  const claude = (content: unknown): object => ({
    max_tokens: 1,
    messages: [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: [{ type: 'tool_use', id: 'c1', name: 'look', input: {} }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c1', content }] },
    ],
  })
  const response = (output: unknown): object => ({
    max_output_tokens: 1,
    input: [
      { role: 'user', content: 'Hi' },
      { type: 'function_call', call_id: 'c1', name: 'look', arguments: '{}' },
      { type: 'function_call_output', call_id: 'c1', output },
    ],
  })
  const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } }

  it.each([
    [
      '/v1/chat/completions',
      chat([{ type: 'image_url', image_url: { url: PICTURE } }]),
      'messages[2].content[0].image_url',
    ],
    [
      '/v1/responses',
      response([{ type: 'input_image', image_url: PICTURE }]),
      'input[2].output[0].input_image',
    ],
    ['/v1/messages', claude([image]), 'messages[2].content[0].content[0].image'],
    [
      '/v1/messages',
      claude([{ type: 'document', source: { type: 'base64', data: 'x' } }]),
      'messages[2].content[0].content[0].document',
    ],
  ])('a picture in the result of a tool is a word, and named: %s', async (path, body, named) => {
    expect(await post(path, body)).toMatchObject({ status: 200, ignored: named })
  })

  it.each([
    ['an image', [image], '[image]'],
    ['an image beside a text', [{ type: 'text', text: 'Saved.' }, image], 'Saved.\n[image]'],
    ['a tool that was found', [{ type: 'tool_reference', tool_name: 'look' }], '[tool look]'],
    [
      'a document of text',
      [{ type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'Moon' } }],
      'Moon',
    ],
    [
      'what was searched',
      [{ type: 'search_result', title: 'A', source: 'B', content: [{ type: 'text', text: 'C' }] }],
      'A\nB\nC',
    ],
    ['nobody knows what', [{ type: 'so-new', x: 1 }], '[so_new]'],
  ])('count as the text that stands for them: %s', async (_name, content, text) => {
    expect(await count('/v1/messages/count_tokens', claude(content))).toBe(
      await count('/v1/messages/count_tokens', claude(text)),
    )
  })

  it('a picture that the user shows to the model is still refused', async () => {
    const messages = [{ role: 'user', content: [{ type: 'image_url', image_url: { url: PICTURE } }] }]
    expect((await post('/v1/chat/completions', { messages })).status).toBe(400)
    expect(
      (await post('/v1/messages', { max_tokens: 1, messages: [{ role: 'user', content: [image] }] })).status,
    ).toBe(400)
  })

  it("stand beside what Anthropic's servers did, which is left out and named", async () => {
    const messages = [
      { role: 'user', content: 'Hi' },
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'I search.' },
          { type: 'server_tool_use', id: 's1', name: 'web_search', input: { query: 'moon' } },
          { type: 'web_search_tool_result', tool_use_id: 's1', content: [] },
        ],
      },
      { role: 'user', content: 'And?' },
    ]
    expect(await post('/v1/messages', { max_tokens: 1, messages })).toMatchObject({
      status: 200,
      ignored: 'messages[1].content[1].server_tool_use, messages[1].content[2].web_search_tool_result',
    })
  })
})
