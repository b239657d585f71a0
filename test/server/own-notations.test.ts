import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { familiesOf } from '../support/own-notations.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { writeTemplateModel } from '../support/template-model.ts'

/** Real templates, one of each notation that is not tested elsewhere. */
const names = [
  'Apertus-8B-Instruct',
  'Apriel-1.6-15b-Thinker-fixed',
  'CohereForAI-c4ai-command-r-plus-tool_use',
  'CohereForAI-c4ai-command-r7b-12-2024-tool_use',
  'GigaChat3-10B-A1.8B',
  'GigaChat3.1-10B-A1.8B',
  'LFM2-8B-A1B',
  'NVIDIA-Nemotron-Nano-v2',
  'google-gemma-4-31B-it',
  'meetkai-functionary-medium-v3.1',
  'upstage-Solar-Open-100B',
]
/** One of each way to write arguments. */
const sample = ['Apertus-8B-Instruct', 'google-gemma-4-31B-it', 'LFM2-8B-A1B', 'upstage-Solar-Open-100B']

const properties = {
  mood: { type: 'string', enum: ['good "so"', 'schlecht ½'] },
  since: { type: 'integer', minimum: 0, maximum: 9 },
}
const tools: OpenAI.ChatCompletionTool[] = [
  {
    type: 'function',
    function: {
      name: 'set_mood',
      description: 'Sets it',
      parameters: {
        type: 'object',
        properties,
        required: ['mood', 'since'],
        additionalProperties: false,
      },
    },
  },
]

const check = (text: string): void => {
  const args = JSON.parse(text) as { mood: string; since: number }
  expect(Object.keys(args)).toEqual(['mood', 'since'])
  expect(properties.mood.enum).toContain(args.mood)
  expect(args.since).toBeLessThan(10)
}

describe.each([...familiesOf(names, sample)])('the template of %s', (_name, template) => {
  const folder = mkdtempSync(join(tmpdir(), 'altiplano-template-'))
  let server: TestServer
  let client: OpenAI
  beforeAll(async () => {
    const path = join(folder, 'model.gguf')
    writeTemplateModel(path, template)
    const size = ['--slots', '1', '--context-size', '4096', '--threads', '1']
    server = await startServer([...size, '--model', path, '--served-model-name', 'own'])
    client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 })
  })
  afterAll(async () => {
    await server.stop()
    rmSync(folder, { recursive: true })
  })

  it('calls are forced in the own notation, streamed or not, and replayed', async () => {
    const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: 'Hello!' }]
    const asked = {
      model: 'own',
      messages,
      tools,
      tool_choice: { type: 'function', function: { name: 'set_mood' } },
      temperature: 1.5,
      seed: 1,
      max_tokens: 400,
      // Some begin with a thought, which this model would not end.
      thinking_token_budget: 8,
    } as const
    const [choice] = (await client.chat.completions.create(asked)).choices
    const [call, ...others] = choice?.message.tool_calls ?? []
    if (call?.type !== 'function') throw new Error(`no call: ${JSON.stringify(choice)}`)
    expect([choice?.message.content, others]).toEqual([null, []])
    expect(call.function.name).toBe('set_mood')
    check(call.function.arguments)

    let streamed = ''
    for await (const chunk of await client.chat.completions.create({ ...asked, stream: true }))
      streamed += chunk.choices[0]?.delta.tool_calls?.[0]?.function?.arguments ?? ''
    check(streamed)

    const answered = await client.chat.completions.create({
      model: 'own',
      messages: [
        ...messages,
        choice?.message as OpenAI.ChatCompletionMessage,
        { role: 'tool', tool_call_id: call.id, content: 'done' },
      ],
      tools,
      max_tokens: 8,
    })
    expect(answered.choices[0]?.finish_reason).toBeDefined()
  })

  it('answers of a schema come without the tags around answers', async () => {
    const answered = await client.chat.completions.create({
      model: 'own',
      messages: [{ role: 'user', content: 'Hello!' }],
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'mood', schema: { type: 'object', properties, required: ['mood', 'since'] } },
      },
      max_tokens: 400,
      ...{ thinking_token_budget: 8 },
    })
    check(answered.choices[0]?.message.content ?? '')
  })
})
