import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '../support/server.ts'
import { writeTemplateModel } from '../support/template-model.ts'

const turn = `{{ '<|im_start|>' + m.role + '\\n' + (m.content or '') + '<|im_end|>\\n' }}`
const opening = `{{ '<|im_start|>assistant\\n' }}`
/** A template of each kind that refuses what clients send. */
const templates = {
  'wants a system message first': `{%- for m in messages %}{%- if m.role == 'system' and not loop.first %}{{ raise_exception('System message must be at the beginning.') }}{%- endif %}${turn}{%- endfor %}${opening}`,
  'takes no system message, and turns': `{%- for m in messages %}{%- if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate') }}{%- endif %}${turn}{%- endfor %}${opening}`,
  'takes anything': `{%- for m in messages %}${turn}{%- endfor %}${opening}`,
}

const user = (content: string) => ({ role: 'user', content })
const system = (content: string) => ({ role: 'system', content })
const assistant = (content: string | null, more: object = {}) => ({ role: 'assistant', content, ...more })

interface Answer {
  readonly error?: { message: string; param?: string }
  readonly token_ids?: number[]
  readonly content?: string
  readonly input_tokens?: number
  readonly usage?: Readonly<Record<string, number>>
}

const folder = mkdtempSync(join(tmpdir(), 'conversations-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe.each(Object.entries(templates))('a template that %s', (name, template) => {
  let server: TestServer
  beforeAll(async () => {
    const path = join(folder, `${name.replace(/\W/g, '-')}.gguf`)
    writeTemplateModel(path, template)
    server = await startServer(['--model', path, '--model-name', 'altiplano-demo'])
  })
  afterAll(() => server.stop())

  const post = async (
    path: string,
    body: object,
  ): Promise<Answer & { status: number; ignored: string | null }> => {
    const response = await fetch(server.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const ignored = response.headers.get('x-ignored-params')
    return { status: response.status, ignored, ...((await response.json()) as Answer) }
  }
  /** The prompt that the engine would get. */
  const prompt = async (messages: readonly object[]): Promise<string> => {
    const { token_ids: tokens, error } = await post('/v1/chat/completions/render', { messages })
    if (tokens === undefined) throw new Error(JSON.stringify(error))
    return (await post('/detokenize', { tokens })).content ?? ''
  }

  const late = [system('One.'), user('Two.'), assistant('Three.'), system('Four.'), user('Five.')]

  it('a late system message is read and counted on every protocol', async () => {
    const text = await prompt(late)
    for (const word of ['One.', 'Two.', 'Three.', 'Four.', 'Five.']) expect(text).toContain(word)
    const { token_ids: tokens } = await post('/v1/chat/completions/render', { messages: late })
    const count = tokens?.length
    const claude = { system: 'One.', messages: late.slice(1) }
    const answers = [
      await post('/v1/chat/completions', { messages: late, max_tokens: 1 }),
      await post('/v1/messages', { ...claude, max_tokens: 1 }),
      await post('/v1/responses', { instructions: 'One.', input: late.slice(1), max_output_tokens: 1 }),
      await post('/v1/models/altiplano-demo:predict', { messages: late, max_tokens: 1 }),
    ]
    for (const { usage = {} } of answers) {
      const cached = usage['cache_read_input_tokens'] ?? 0
      expect((usage['prompt_tokens'] ?? usage['input_tokens'] ?? 0) + cached).toBe(count)
    }
    expect((await post('/v1/messages/count_tokens', claude)).input_tokens).toBe(count)
    expect((await post('/v1/responses/input_tokens', { input: late })).input_tokens).toBe(count)
  })

  it('a system message at the end leaves the prompt before it as it was', async () => {
    const before = await prompt([system('One.'), user('Two.'), assistant('Three.'), user('Five.')])
    const after = await prompt([
      system('One.'),
      user('Two.'),
      assistant('Three.'),
      user('Five.'),
      system('Six.'),
    ])
    const same = before.indexOf('Five.') + 'Five.'.length
    expect(after.slice(0, same)).toBe(before.slice(0, same))
    expect(after).toContain('Six.')
  })

  it.each([
    [
      'several system and developer messages',
      [system('One.'), { role: 'developer', content: 'Two.' }, user('Three.')],
    ],
    ['two of the user', [user('One.'), user('Two.')]],
    ['two of the assistant', [user('One.'), assistant('Two.'), assistant('Three.'), user('Four.')]],
    ['a greeting', [assistant('One.'), user('Two.')]],
  ])('a conversation with %s is taken, and no word is lost', async (_name, messages) => {
    const text = await prompt(messages)
    for (const { content } of messages) expect(text).toContain(content)
  })

  it.each(['reasoning_content', 'reasoning'])('a thought that was cut is taken back as %s', async (field) => {
    const cut = assistant(null, { refusal: null, [field]: '7 +' })
    const messages = [user('What is 17 + 25?'), cut, user('Go on.')]
    expect(await post('/v1/chat/completions', { messages, max_tokens: 1 })).toMatchObject({
      status: 200,
      ignored: null,
    })
    expect(await prompt(messages)).toContain('Go on.')
  })

  it('an assistant message that says nothing at all is refused', async () => {
    expect(await post('/v1/chat/completions', { messages: [user('Hi'), assistant(null)] })).toMatchObject({
      status: 400,
      error: { param: 'messages[1].content' },
    })
  })
})
