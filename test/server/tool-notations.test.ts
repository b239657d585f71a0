import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import type { ChatCompletionTool } from 'openai/resources'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { familiesOf } from '../support/own-notations.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { writeTemplateModel } from '../support/template-model.ts'

const turns = `{%- for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + (m.content or '') + '<|im_end|>\\n' }}{%- endfor %}`
const opening = `{{ '<|im_start|>assistant\\n' }}`
const templates = {
  'takes no tools': `${turns}${opening}`,
  'takes no system message': `{%- if messages[0].role == 'system' %}{{ raise_exception('no system') }}{%- endif %}${turns}${opening}`,
  'has tags around arguments': `{%- if tools %}{{ '<tool_call>\\n<function=example>\\n<parameter=a>' }}{%- endif %}${turns}${opening}`,
  'speaks in channels': `${turns}{{ '<|start|>assistant' }}{%- if tools %}{{ '' if true else '<|channel|>final<|message|>' }}{%- endif %}`,
  'has names before arguments': `{%- if tools %}{{ '[TOOL_CALLS]name[ARGS]' }}{%- endif %}${turns}${opening}`,
}

/** A thought whose closing tag is none of the model's tokens would not end by itself. */
const brief = { thinking_token_budget: 8 }

/** One of each family whose notation is its own. */
const FAMILIES = [
  'ByteDance-Seed-OSS',
  'GLM-4.6',
  'GLM-4.7-Flash',
  'Kimi-K2-Thinking',
  'Kimi-K3',
  'MiniMax-M1',
  'MiniMax-M2',
  'MiniMax-M3',
  'deepseek-ai-DeepSeek-V3.2',
  'deepseek-ai-DeepSeek-V4',
  'openbmb-MiniCPM5-1B',
  'tencent-Hy3',
]
/** One of each way to write arguments. */
const SAMPLE = ['GLM-4.6', 'Kimi-K3', 'MiniMax-M3', 'deepseek-ai-DeepSeek-V4']
const families = [...familiesOf(FAMILIES, SAMPLE)].map(
  ([name, source]) => [`is that of ${name}`, source] as const,
)

const tool = (name: string, properties: object): ChatCompletionTool => ({
  type: 'function',
  function: {
    name,
    parameters: {
      type: 'object',
      properties,
      required: Object.keys(properties),
      additionalProperties: false,
    },
  },
})
const tools = [
  tool('set_mood', {
    mood: { type: 'string', enum: ['good', 'bad'] },
    since: { type: 'integer', maximum: 9, minimum: 0 },
  }),
  tool('wait', { really: { type: 'boolean' } }),
]

describe.each([...Object.entries(templates), ...families])('a template that %s', (name, template) => {
  const folder = mkdtempSync(join(tmpdir(), 'altiplano-template-'))
  let server: TestServer
  let client: OpenAI
  beforeAll(async () => {
    const path = join(folder, 'model.gguf')
    writeTemplateModel(path, template)
    server = await startServer(['--slots', '2', '--model', path, '--served-model-name', 'notations'])
    client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 })
  })
  afterAll(async () => {
    await server.stop()
    rmSync(folder, { recursive: true })
  })

  it(`forced calls are valid, and their results are accepted, with a template that ${name}`, async () => {
    const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: 'Hello!' }]
    const ask = (seed: number) =>
      client.chat.completions.create({
        model: 'notations',
        messages,
        tools,
        tool_choice: 'required',
        parallel_tool_calls: false,
        temperature: 1.5,
        seed,
        max_tokens: 200,
        ...brief,
      })
    for (const seed of [1, 2]) {
      const [choice] = (await ask(seed)).choices
      const [call, ...others] = choice?.message.tool_calls ?? []
      if (call?.type !== 'function') throw new Error('no call')
      expect([choice?.finish_reason, choice?.message.content, others]).toEqual(['tool_calls', null, []])
      const args = JSON.parse(call.function.arguments) as Record<string, unknown>
      if (call.function.name === 'wait') expect(args).toEqual({ really: expect.any(Boolean) })
      else expect(args).toEqual({ mood: expect.stringMatching(/^(good|bad)$/), since: expect.any(Number) })
      messages.push(choice?.message as OpenAI.ChatCompletionMessage)
      messages.push({ role: 'tool', tool_call_id: call.id, content: 'done' })
    }
  })

  it(`a template that ${name} has answers of a schema`, async () => {
    const schema = { type: 'object', properties: { mood: { enum: ['good', 'bad'] } }, required: ['mood'] }
    const { choices } = await client.chat.completions.create({
      model: 'notations',
      messages: [{ role: 'user', content: 'Hello!' }],
      response_format: { type: 'json_schema', json_schema: { name: 'mood', schema } },
      max_tokens: 200,
      ...brief,
    })
    expect(JSON.parse(choices[0]?.message.content ?? '')).toEqual({
      mood: expect.stringMatching(/^(good|bad)$/),
    })
  })
})
