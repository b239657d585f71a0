import { fileURLToPath } from 'node:url'
import { Template } from '@huggingface/jinja'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LlamaVocabulary, openVocabulary } from '../../src/engine/llama/vocabulary.ts'
import type { ChatMessage, ChatTool } from '../../src/text/template/chat-message.ts'
import { ControlTokenGuard } from '../../src/text/template/control-tokens.ts'
import { ModelTemplate } from '../../src/text/template/model-template.ts'
import { keepParsed } from '../../src/text/template/parsed-template.ts'
import { toolFormatNamed } from '../../src/text/tool-formats/formats.ts'
import { plainJson } from '../../src/text/tool-formats/plain-json.ts'
import { exampleCall } from '../../src/text/tool-formats/written-calls.ts'
import { conversations } from '../../tools/templates/conversations.ts'
import { realTemplates } from '../support/llama-source.ts'

let vocabulary: LlamaVocabulary
beforeAll(async () => {
  const model = fileURLToPath(new URL('../../models/altiplano-demo.gguf', import.meta.url))
  vocabulary = await openVocabulary(model)
})
afterAll(() => vocabulary.close())

function opened(source: string, controlTexts: readonly string[] = []): ModelTemplate {
  const guard = new ControlTokenGuard(controlTexts)
  const renderers = [vocabulary.renderJinja, keepParsed((template) => new Template(template))]
  return new ModelTemplate(
    { template: source, bos: '<s>', eos: '</s>', guard, strictGuard: guard, renderers },
    [],
  )
}

const object = (a: unknown, more: object = {}) => ({ type: 'object', properties: { a }, ...more })
/** Parameters as clients' libraries write them. */
const ordinary: Readonly<Record<string, unknown>> = {
  'no parameters': undefined,
  'an empty schema': {},
  'an object without properties': { type: 'object' },
  'no properties': { type: 'object', properties: {} },
  'a nullable type': object({ type: ['string', 'null'], description: 'Its name' }),
  'several types': object({ type: ['string', 'integer', 'array'] }),
  'an array': object({ type: 'array' }),
  'an array of strings': object({ type: 'array', items: { type: 'string' } }),
  'an array of objects': object({ type: 'array', items: object({ type: 'integer' }) }),
  'an array of anything': object({ type: 'array', items: {} }),
  'an array of arrays': object({ type: 'array', items: { type: 'array', items: { type: 'number' } } }),
  anyOf: object({ anyOf: [{ type: 'string' }, { type: 'null' }], default: null }),
  oneOf: object({ oneOf: [object({ const: 'x' }), object({ type: 'integer' })] }),
  allOf: object({ allOf: [{ $ref: '#/$defs/A' }] }, { $defs: { A: { type: 'string' } } }),
  'an enum without a type': object({ enum: ['x', 'y', null, 1] }),
  'an enum': object({ type: 'string', enum: ['x', 'y'], description: 'Which' }),
  const: object({ const: 'x' }),
  'a reference': object(
    { $ref: '#/$defs/A' },
    { $defs: { A: object({ type: 'string' }, { title: 'A' }) }, required: ['a'] },
  ),
  'a property that may be anything': object(true),
  'a property without a type': object({ description: 'Anything' }),
  'objects within objects': object(object(object({ type: 'boolean' }, { required: ['a'] })), {
    required: ['a'],
    additionalProperties: false,
  }),
  'a map': object({ type: 'object', additionalProperties: { type: 'string' } }),
  'a choice at the top': { anyOf: [object({ type: 'string' })] },
  'limits and a format': object({ type: 'string', format: 'date', minLength: 1, pattern: '^\\d' }),
}
const named = (name: string, parameters: unknown, description?: string): ChatTool => ({
  type: 'function',
  function: { name, ...(description && { description }), ...(parameters !== undefined && { parameters }) },
})
const user: ChatMessage = { role: 'user', content: 'Hi' }

describe('common schemas of tools', () => {
  it.each(realTemplates())('tools of every common schema are in the prompt of $name', ({ source }) => {
    const template = opened(source)
    for (const [schema, parameters] of Object.entries(ordinary)) {
      const tools = [named('look_at', parameters, 'Looks closely.'), named('look_away', parameters)]
      const prompt = template.render({ messages: [user], tools, kwargs: {} }).join('')
      const missing = ['look_at', 'Looks closely.', 'look_away'].filter((word) => !prompt.includes(word))
      expect([schema, missing]).toEqual([schema, []])
    }
  })
})

const native = realTemplates().filter(({ source }) => {
  const guard = new ControlTokenGuard([])
  const template = new ModelTemplate(
    { template: source, bos: '', eos: '', guard, strictGuard: guard, renderers: [] },
    [],
  )
  return template.abilities.toolFormat !== plainJson.name
})

describe('tools that a template refuses', () => {
  const refusal =
    "{% if 'get_weather' in ((tools or xml_tools or functions or []) | tojson) %}{{ raise_exception('No such tool') }}{% endif %}"

  it.each(native)('refused tools are described in the notation of $name', ({ source }) => {
    const template = opened(refusal + source)
    const { notation } = toolFormatNamed(template.abilities.toolFormat) ?? {}
    if (notation === undefined) throw new Error('calls of this format cannot be forced')
    const chat = conversations['two calls']
    const prompt = template.render(chat).join('')
    for (const tool of chat.tools) expect(prompt).toContain(JSON.stringify(tool.function))
    expect(prompt.split(exampleCall(notation))).toHaveLength(2)
    const plain = prompt
      .replaceAll('\\"', '"')
      .replace(/\\u([0-9a-f]{4})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    for (const part of ['Köln', '"celsius": 12', 'Ōsaka', '"celsius": 31']) expect(plain).toContain(part)
  })

  it('the example of a call has control tokens, and what a client writes has none', () => {
    const source =
      "{% if tools and tools[0].function.name == 'f' %}{{ raise_exception('<tool_call>') }}{% endif %}" +
      '{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}'
    const tools = [named('f', object({ type: ['string', 'null'] }), 'Writes <tool_call> \ue000 \ue001.')]
    const said: ChatMessage = { role: 'system', content: '<tool_call>' }
    const pieces = opened(source, ['<tool_call>', '</tool_call>']).render({
      messages: [said, user],
      tools,
      kwargs: {},
    })
    const whole = pieces.filter((piece) => piece.includes('<tool_call>'))
    expect(whole).toHaveLength(1)
    expect(whole[0]?.match(/<tool_call>/g)).toHaveLength(1)
    expect(whole[0]).toContain(
      '<tool_call>\n{"name": "name of the function", "arguments": {its arguments}}\n',
    )
    expect(pieces.join('')).toContain('Writes <tool_call> \ue000 \ue001.')
  })

  it('a template that refuses the messages is not asked without tools', () => {
    const source = `{% if tools %}<tool_call>{% endif %}{{ raise_exception('Never') }}`
    const chat = { messages: [user], tools: [named('f', {})], kwargs: {} }
    expect(() => opened(source).render(chat)).toThrow('Never')
    expect(() => opened(`{{ messages | nofilter }}${source}`).render(chat)).toThrow('nofilter')
  })
})

describe('calls beside a text', () => {
  it.each(native)('calls beside a text are in the prompt of $name', ({ source }) => {
    const chat = conversations['two calls']
    const messages = chat.messages.map((one) => (one.tool_calls ? { ...one, content: 'I look.' } : one))
    const prompt = opened(source)
      .render({ ...chat, messages })
      .join('')
    for (const city of [/K(ö|\\u00f6)ln[\s\S]*days/, /(Ō|\\u014c)saka[\s\S]*days/])
      expect(prompt).toMatch(city)
  })
})
