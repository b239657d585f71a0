import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '../support/server.ts'
import { writeTemplateModel } from '../support/template-model.ts'

const turns = `{%- for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + (m.content or '') + '<|im_end|>\\n' }}{%- endfor %}`
const opening = `{{ '<|im_start|>assistant\\n' }}`
const templates = {
  'has tags around calls': `{%- if tools %}{{ '<tool_call>' }}{%- endif %}${turns}${opening}`,
  'takes no tools': `${turns}${opening}`,
  'has tags around arguments': `{%- if tools %}{{ '<tool_call>\\n<function=example>\\n<parameter=a>' }}{%- endif %}${turns}${opening}`,
  'speaks in channels': `${turns}{{ '<|start|>assistant' }}{%- if tools %}{{ '' if true else '<|channel|>final<|message|>' }}{%- endif %}`,
  'has names before arguments': `{%- if tools %}{{ '[TOOL_CALLS]name[ARGS]' }}{%- endif %}${turns}${opening}`,
  'speaks Python': `{%- if tools %}{{ '[func_name1(a=1)]' }}{%- endif %}${turns}${opening}`,
}

interface Call {
  readonly name: string
  readonly arguments: string
}
interface Choice {
  readonly finish_reason: string
  readonly message: { content: string | null; tool_calls?: { function: Call }[] }
}

const folder = mkdtempSync(join(tmpdir(), 'cut-calls-'))
afterAll(() => rmSync(folder, { recursive: true }))
const messages = [{ role: 'user', content: 'Look.' }]
const fn = (name: string, parameters?: unknown) => ({ type: 'function', function: { name, parameters } })
const look = fn('look_at_it', {
  type: 'object',
  properties: { where: { type: 'string', enum: ['here', 'there'] } },
  required: ['where'],
})

describe.each(Object.entries(templates))('a forced call of a template that %s', (name, template) => {
  let server: TestServer
  beforeAll(async () => {
    const path = join(folder, `${name.replace(/\W/g, '-')}.gguf`)
    writeTemplateModel(path, template)
    server = await startServer(['--model', path])
  })
  afterAll(() => server.stop())

  const post = async <T>(path: string, body: object): Promise<T> => {
    const response = await fetch(server.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ temperature: 0, seed: 1, ...body }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(text)
    return (text.startsWith('{') ? JSON.parse(text) : text) as T
  }
  const chat = async (body: object): Promise<Choice> => {
    const forced = { messages, tool_choice: 'required', ...body }
    const [choice] = (await post<{ choices: Choice[] }>('/v1/chat/completions', forced)).choices
    if (choice === undefined) throw new Error('no choice')
    return choice
  }
  const cuts = [1, 2, 3, 5, 8, 12, 16, 20]

  it('a forced call that is cut anywhere leaves no markup in the content, and is a call as far as it goes', async () => {
    for (const max_tokens of cuts) {
      const { message, finish_reason: reason } = await chat({
        max_tokens,
        tools: [look],
        parallel_tool_calls: false,
      })
      const calls = message.tool_calls ?? []
      expect([max_tokens, message.content ?? '']).toEqual([max_tokens, ''])
      for (const { function: called } of calls) {
        expect(called.name).toBe('look_at_it')
        if (reason === 'length') expect('{"where": "there"}').toContain(called.arguments.slice(0, 11))
      }
      expect(reason).toMatch(/^(length|tool_calls)$/)
    }
  })

  it('a cut call is the same in streams and on the other protocols', async () => {
    const { parameters } = look.function
    for (const max_tokens of cuts) {
      const sse = await post<string>('/v1/chat/completions', {
        messages,
        tools: [look],
        tool_choice: 'required',
        max_tokens,
        stream: true,
      })
      expect(sse).not.toMatch(/"content":"[^"]/)
      const claude = await post<{ content: { type: string }[] }>('/v1/messages', {
        messages,
        max_tokens,
        tools: [{ name: 'look_at_it', input_schema: parameters }],
        tool_choice: { type: 'any' },
      })
      expect(claude.content.map(({ type }) => type).filter((type) => type !== 'tool_use')).toEqual([])
      const response = await post<{ output: { type: string }[] }>('/v1/responses', {
        input: 'Look.',
        max_output_tokens: max_tokens,
        tools: [{ type: 'function', name: 'look_at_it', parameters }],
        tool_choice: 'required',
      })
      expect(response.output.map(({ type }) => type).filter((type) => type !== 'function_call')).toEqual([])
    }
  })

  it.each([
    ['no properties', { type: 'object', properties: {} }],
    [
      'no properties, strictly',
      { type: 'object', properties: {}, required: [], additionalProperties: false, $schema: 'x' },
    ],
    ['no parameters', undefined],
    ['parameters that are null', null],
    ['parameters that say nothing', {}],
  ])('a function with %s is called with {}', async (_name, parameters) => {
    const { message } = await chat({
      max_tokens: 60,
      tools: [fn('now', parameters)],
      parallel_tool_calls: false,
    })
    expect(message.tool_calls?.map((call) => call.function)).toEqual([{ name: 'now', arguments: '{}' }])
  })

  it('an answer ends with the third call that is the same', async () => {
    for (const temperature of [0, 1]) {
      const choice = await chat({ max_tokens: 600, tools: [fn('now')], temperature })
      // A thought before the call may go on for ever.
      if (choice.message.tool_calls === undefined) continue
      expect(choice.finish_reason).toBe('tool_calls')
      expect(choice.message.tool_calls?.length).toBeLessThanOrEqual(3)
    }
  })
})
