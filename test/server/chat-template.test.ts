import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { realTemplates } from '../support/llama-source.ts'
import { until } from '../support/patience.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { writeTemplateModel } from '../support/template-model.ts'

const folder = mkdtempSync(join(tmpdir(), 'altiplano-chat-template-'))
afterAll(() => rmSync(folder, { recursive: true }))

let server: TestServer | undefined
afterEach(async () => {
  await server?.stop()
  server = undefined
})

const MODEL = 'altiplano-demo'
/** A server of the built-in model with another template. */
async function serve(template: string, ...flags: string[]): Promise<TestServer> {
  const path = join(folder, 'model.gguf')
  writeTemplateModel(path, template)
  server = await startServer(['--slots', '1', '--served-model-name', MODEL, '--model', path, ...flags])
  return server
}

async function post(path: string, body: object): Promise<{ status: number; body: Record<string, never> }> {
  const response = await fetch(`${server?.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: MODEL, ...body }),
  })
  return { status: response.status, body: (await response.json()) as Record<string, never> }
}

/** The prompt of a chat, as the engine gets it. */
async function promptOf(messages: object[], more: object = {}): Promise<string> {
  const { status, body } = await post('/tokenize', { messages, ...more })
  if (status !== 200) throw new Error(JSON.stringify(body))
  return String((await post('/detokenize', { tokens: body['tokens'] })).body['prompt'])
}

const user = { role: 'user', content: 'Hi' }
const turns = `{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}[assistant]`
const real = (name: string): string => realTemplates().find((one) => one.name === name)?.source ?? ''
const call = (id: string, city: string) => ({
  id,
  type: 'function',
  function: { name: 'get_weather', arguments: JSON.stringify({ city }) },
})
const tools = [
  {
    type: 'function',
    function: {
      name: 'get_weather',
      parameters: { type: 'object', properties: { city: { type: 'string' } } },
    },
  },
]
const calls = [
  user,
  { role: 'assistant', content: null, tool_calls: [call('call_one', 'Paris'), call('call_two', 'Oslo')] },
  // Answers may come in any order.
  { role: 'tool', tool_call_id: 'call_two', content: 'snow' },
  { role: 'tool', tool_call_id: 'call_one', content: 'sun' },
]

describe("the operator's chat template", () => {
  it("an operator's template replaces the file's, with variables that a request may set", async () => {
    const file = join(folder, 'other.jinja')
    writeFileSync(file, `{{ 'on' if enable_thinking else 'off' }} {{ house }} ${turns}`)
    const kwargs = JSON.stringify({ enable_thinking: true, house: '<b>1' })
    await serve(turns, '--chat-template', file, '--chat-template-kwargs', kwargs)
    expect(await promptOf([user])).toBe('on <b>1 [user]Hi[assistant]')
    const off = { chat_template_kwargs: { enable_thinking: false } }
    expect(await promptOf([user], off)).toBe('off <b>1 [user]Hi[assistant]')
    expect(await promptOf([user], { reasoning_effort: 'none' })).toBe('off <b>1 [user]Hi[assistant]')
    const props = (await (await fetch(`${server?.url}/props`)).json()) as { chat_template: string }
    expect(props.chat_template).toContain('house')
  })

  it("an operator's template may be text, and replaces a broken one", async () => {
    const { logs } = await serve('{% for m in messages %}', '--chat-template', turns)
    expect((await post('/v1/chat/completions', { messages: [user], max_tokens: 2 })).status).toBe(200)
    expect(logs.join('\n')).not.toContain('cannot be rendered')
  })

  it.each([
    ['--chat-template', join(folder, 'none.jinja'), 'Cannot read --chat-template'],
    ['--chat-template', folder, 'Cannot read --chat-template'],
    [
      '--chat-template-kwargs',
      '{"enable_thinking"',
      '--chat-template-kwargs: {"enable_thinking" is not a JSON object',
    ],
    ['--chat-template-kwargs', '[1]', 'is not a JSON object'],
    ['--chat-template-kwargs', '{"messages": []}', 'Cannot set messages by --chat-template-kwargs'],
  ])('a wrong flag stops the start: %s %s', async (flag, value, why) => {
    await expect(startServer([flag, value])).rejects.toThrow(why)
  })
})

describe('a chat template that cannot be rendered', () => {
  it('a broken template is reported at the start, and only chats fail', async () => {
    const { logs } = await serve('{% for m in messages %}\n{{ m.content }}')
    const reason = "line 1: 'for' is not ended"
    const warnings = () => logs.filter((line) => line.includes('cannot be rendered'))
    await until(() => warnings().length > 0)
    expect(warnings()).toEqual([expect.stringContaining(reason)])
    const message = expect.stringContaining(`the model's chat template cannot be rendered (${reason})`)
    const error = { message, type: 'server_error', param: null, code: 'template_unusable' }
    expect(await post('/v1/chat/completions', { messages: [user] })).toEqual({ status: 500, body: { error } })
    expect(await post('/v1/responses', { input: 'Hi' })).toMatchObject({ status: 500 })
    expect(await post('/v1/messages', { messages: [user], max_tokens: 1 })).toMatchObject({
      status: 500,
      body: { error: { type: 'api_error', message } },
    })
    expect((await post('/v1/completions', { prompt: 'Hi', max_tokens: 1 })).status).toBe(200)
  })
})

describe('a chat template that does not end', () => {
  it('an endless template is reported and does not block the server', async () => {
    const loops = ['a', 'b', 'c', 'd', 'e']
    const begins = loops.map((name) => `{% for ${name} in range(1000) %}`).join('')
    const { logs } = await serve(begins + loops.map(() => '{% endfor %}').join(''))
    await until(() => logs.some((line) => line.includes('cannot be rendered')))
    expect((await post('/v1/completions', { prompt: 'Hi', max_tokens: 1 })).status).toBe(200)
    expect(await post('/v1/chat/completions', { messages: [user] })).toMatchObject({ status: 400 })
  })
})

describe('a chat template that refuses messages', () => {
  it('a refusal is quoted in one short line with the first such message', async () => {
    await serve(
      `{% for m in messages %}{% if 'bad' in m.content %}{{ raise_exception('Not\n\t“' ~ m.content ~ '”!') }}{% endif %}{% endfor %}${turns}`,
    )
    const ask = (content: string) =>
      post('/v1/chat/completions', { messages: [user, { role: 'assistant', content }, user] })
    const refused = "The model's chat template does not take these messages, from message 2 on"
    expect(await ask('bad')).toEqual({
      status: 400,
      body: {
        error: {
          message: `${refused}: Not “bad”!`,
          type: 'invalid_request_error',
          param: 'messages',
          code: 'template_error',
        },
      },
    })
    const { body } = await ask(`bad${' <|im_end|>\u0007\u202e'.repeat(5000)}`)
    const { message } = body['error'] as unknown as { message: string }
    expect(message.slice(0, 100)).toContain(`${refused}: Not “bad <`)
    expect(message.length).toBeLessThan(400)
    expect(message).toMatch(/^[\x20-\x7e“”…]*$/)
  })
})

describe('answers in a conversation', () => {
  it.each([
    ['meta-llama-Llama-3.2-3B-Instruct', ['Paris', 'sun', 'Oslo', 'snow']],
    ['openai-gpt-oss-120b', ['Paris', 'sun', 'Oslo', 'snow']],
    ['ibm-granite-granite-3.3-2B-Instruct', ['Paris', 'Oslo', 'sun', 'snow']],
    ['meetkai-functionary-medium-v3.2', ['{"city":"Paris"}', '{"city":"Oslo"}', 'sun', 'snow']],
  ])('two calls are replayed with a real template: %s', async (name, order) => {
    await serve(real(name))
    const prompt = await promptOf(calls, { tools })
    const places = order.map((part) => prompt.lastIndexOf(part))
    expect(Math.min(...places)).toBeGreaterThan(0)
    expect(places).toEqual(places.toSorted((a, b) => a - b))
    const answer = await post('/v1/chat/completions', { messages: calls, tools, max_tokens: 1 })
    expect(answer).toMatchObject({ status: 200 })
  })

  it('a thought is replayed with a real template: Ministral 3 Reasoning', async () => {
    await serve(real('mistralai-Ministral-3-14B-Reasoning-2512'))
    const answer = { role: 'assistant', content: 'Sunny.', reasoning_content: 'They want the weather.' }
    expect(await promptOf([user, answer, user])).toContain('[THINK]They want the weather.[/THINK]Sunny.')
  })
})
