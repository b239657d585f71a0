import type OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { complete as askCompletion, type OpenAiServer, startOpenAi } from '../support/openai.ts'
import { random } from '../support/random.ts'
import { RandomSchemas } from '../support/random-schema.ts'
import { validatorOf } from '../support/validator.ts'

let server: OpenAiServer
let client: OpenAI
let model: string

beforeAll(async () => {
  server = await startOpenAi(['--slots', '4', '--context-size', '512'])
  client = server.client
  model = server.model
})
afterAll(() => server.stop())

const messages = [{ role: 'user' as const, content: 'What is the capital of France?' }]
const person = {
  type: 'object',
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 12 },
    age: { type: 'integer', minimum: 0, maximum: 150 },
    nick: { type: ['string', 'null'], maxLength: 8 },
    kind: { enum: ['child', 'adult'] },
  },
  required: ['name', 'age', 'nick', 'kind'],
  additionalProperties: false,
}

async function complete(fields: object): Promise<{ text: string; finish_reason: string }> {
  const asked = { prompt: 'Answer:', max_tokens: 200, ...fields }
  const { choices } = await askCompletion<{ choices: { text: string; finish_reason: string }[] }>(
    server,
    asked,
  )
  return choices[0] as { text: string; finish_reason: string }
}

describe('structured output through the server', () => {
  it('a schema of response_format holds in a stream, in one piece, and for each of several choices', async () => {
    const response_format = {
      type: 'json_schema' as const,
      json_schema: { name: 'p', schema: person, strict: true },
    }
    const whole = await client.chat.completions.create({
      model,
      messages,
      response_format,
      n: 3,
      temperature: 1.5,
    })
    expect(whole.choices.map(({ finish_reason }) => finish_reason)).toEqual(['stop', 'stop', 'stop'])
    const invalidity = validatorOf(person)
    for (const { message } of whole.choices)
      expect(invalidity(JSON.parse(message.content ?? ''))).toBeUndefined()
    const stream = await client.chat.completions.create({ model, messages, response_format, stream: true })
    let text = ''
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
    expect(invalidity(JSON.parse(text))).toBeUndefined()
  })

  it('the OpenAI SDK parses the schema that its helper requested', async () => {
    const response_format = {
      type: 'json_schema' as const,
      json_schema: { name: 'p', schema: person, strict: true },
    }
    const { choices } = await client.chat.completions.parse({ model, messages, response_format })
    expect(choices[0]?.finish_reason).toBe('stop')
    expect(Object.keys(JSON.parse(choices[0]?.message.content ?? ''))).toEqual([
      'name',
      'age',
      'nick',
      'kind',
    ])
  })

  it('structured output that max_tokens cuts has finish_reason length', async () => {
    const { choices } = await client.chat.completions.create({
      model,
      messages,
      max_tokens: 4,
      response_format: { type: 'json_schema', json_schema: { name: 'p', schema: person } },
    })
    expect(choices[0]?.finish_reason).toBe('length')
    expect(choices[0]?.message.content).toMatch(/^\{/)
  })

  it('response_format json_object makes the answer a JSON object', async () => {
    const { choices } = await client.chat.completions.create({
      model,
      messages,
      max_tokens: 200,
      response_format: { type: 'json_object' },
    })
    const [choice] = choices
    expect(choice?.message.content).toMatch(/^\{/)
    if (choice?.finish_reason === 'stop')
      expect(JSON.parse(choice.message.content ?? '')).toBeTypeOf('object')
  })

  it.each<[string, object, RegExp]>([
    ['guided_choice', { guided_choice: ['Paris', 'London'] }, /^(Paris|London)$/],
    ['guided_regex', { guided_regex: '[A-Z][a-z]{2,5}!' }, /^[A-Z][a-z]{2,5}!$/],
    ['guided_json', { guided_json: JSON.stringify(person) }, /^\{"name": ?"/],
    ['guided_grammar', { guided_grammar: 'root ::= "a" [0-9]{3} "z"' }, /^a\d{3}z$/],
    ['grammar', { grammar: 'root ::= word " " word\nword ::= "yes" | "no"' }, /^(yes|no) (yes|no)$/],
    ['structured_outputs.choice', { structured_outputs: { choice: ['x', '😀'] } }, /^(x|😀)$/u],
    [
      'structured_outputs.json',
      { structured_outputs: { json: { type: 'integer', minimum: 7, maximum: 8 } } },
      /^[78]$/,
    ],
    ['structured_outputs.regex', { structured_outputs: { regex: '\\d{4}-\\d{2}' } }, /^\d{4}-\d{2}$/],
    ['structured_outputs.grammar', { structured_outputs: { grammar: 'root ::= "ok"' } }, /^ok$/],
  ])('structured output follows %s', async (_name, fields, expected) => {
    const { text, finish_reason } = await complete({ ...fields, temperature: 1.5 })
    expect([finish_reason, text]).toEqual(['stop', expect.stringMatching(expected)])
  })

  it('structured output has no control tokens, whose text the client would not see', async () => {
    // 2042 is <|im_start|>.
    const favoured = { logit_bias: { 2042: 100 }, temperature: 0 }
    const { text, finish_reason } = await complete({ guided_regex: '[a-z<|_>]{8,60}', ...favoured })
    expect([finish_reason, text]).toEqual(['stop', expect.stringMatching(/^[a-z<|_>]{8,60}$/)])
  })

  it('structured output is valid for 30 random schemas', async () => {
    const schemas = new RandomSchemas(random(4242))
    const drawn = Array.from({ length: 30 }, () => schemas.draw().schema)
    const answers = await Promise.all(
      drawn.map((schema, seed) => complete({ guided_json: schema, seed, max_tokens: 300 })),
    )
    const invalid = answers.flatMap(({ text, finish_reason }, index) => {
      const schema = drawn[index] ?? {}
      const reason = finish_reason === 'stop' ? validatorOf(schema)(JSON.parse(text)) : undefined
      return reason === undefined ? [] : [{ schema, text, reason }]
    })
    expect(invalid).toEqual([])
    expect(answers.filter(({ finish_reason }) => finish_reason === 'stop').length).toBeGreaterThan(12)
  })
})
