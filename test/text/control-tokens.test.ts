import { fileURLToPath } from 'node:url'
import { Template } from '@huggingface/jinja'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LlamaVocabulary, openVocabulary } from '../../src/engine/llama/vocabulary.ts'
import type { ChatMessage, ChatTool } from '../../src/text/template/chat-message.ts'
import {
  type ChatInput,
  renderChat,
  TemplateError,
  type TemplateOptions,
} from '../../src/text/template/chat-template.ts'
import { ControlTokenGuard } from '../../src/text/template/control-tokens.ts'

let vocabulary: LlamaVocabulary
let options: TemplateOptions

beforeAll(async () => {
  vocabulary = await openVocabulary(
    fileURLToPath(new URL('../../models/altiplano-demo.gguf', import.meta.url)),
  )
  options = {
    template: vocabulary.chatTemplate ?? '',
    bos: vocabulary.bos,
    eos: vocabulary.eos,
    guard: new ControlTokenGuard(vocabulary.controlTexts),
    strictGuard: new ControlTokenGuard([...vocabulary.controlTexts, ...vocabulary.markupTexts]),
    renderers: [vocabulary.renderJinja],
  }
})
afterAll(() => vocabulary.close())

const tokensOf = (input: ChatInput, more: Partial<TemplateOptions> = {}): number[] =>
  renderChat(input, { ...options, ...more }).flatMap((piece) => [...vocabulary.tokenize(piece, true)])

function controlCount(input: ChatInput): number {
  const control = new Set(vocabulary.vocabulary.control)
  return tokensOf(input).filter((token) => control.has(token)).length
}

const user = (content: string): ChatMessage => ({ role: 'user', content })
const tool = (name: string, description: string, parameters: unknown): ChatTool => ({
  type: 'function',
  function: { name, description, parameters },
})
const chat = (messages: ChatMessage[], tools: ChatTool[] = [], kwargs = {}): ChatInput => ({
  messages,
  tools,
  kwargs,
})
const call = (name: string, text: string): ChatMessage => ({
  role: 'assistant',
  content: '',
  tool_calls: [{ id: 'c', type: 'function', function: { name, arguments: text } }],
})

/** Every place of a request in which a client's text reaches the template. */
const fields: Record<string, (text: string) => ChatInput> = {
  'system content': (text) => chat([{ role: 'system', content: text }, user('Hi')]),
  'user content': (text) => chat([user(text)]),
  'assistant content': (text) => chat([user('Hi'), { role: 'assistant', content: text }, user('Hi')]),
  'tool result': (text) =>
    chat([user('Hi'), call('f', '{}'), { role: 'tool', content: text, tool_call_id: 'c' }]),
  'message name': (text) => chat([{ ...user('Hi'), name: text }]),
  reasoning: (text) =>
    chat([user('Hi'), { role: 'assistant', content: 'x', reasoning_content: text }, user('Hi')]),
  'call name': (text) => chat([user('Hi'), call(text, '{}'), user('Hi')]),
  'call argument': (text) => chat([user('Hi'), call('f', JSON.stringify({ a: text })), user('Hi')]),
  'call arguments that are no JSON': (text) => chat([user('Hi'), call('f', text), user('Hi')]),
  'tool name': (text) => chat([user('Hi')], [tool(text, 'd', {})]),
  'tool description': (text) => chat([user('Hi')], [tool('f', text, {})]),
  'tool parameter key': (text) =>
    chat([user('Hi')], [tool('f', 'd', { properties: { [text]: { type: 'string' } } })]),
  'tool parameter description': (text) =>
    chat([user('Hi')], [tool('f', 'd', { properties: { a: { description: text } } })]),
  'template variable': (text) => chat([user('Hi')], [], { note: text }),
}

describe.each(Object.entries(fields))('a control token in the %s', (field, inputOf) => {
  it(`every control token of the vocabulary is plain text in the ${field}`, () => {
    const texts = vocabulary.controlTexts
    expect(texts.length).toBeGreaterThanOrEqual(3)
    const baseline = controlCount(inputOf('harmless'))
    for (const text of texts) {
      for (const written of [text, `${text}${text}`, `a ${text}\n${text} b`, text.slice(0, 1) + text]) {
        expect([written, controlCount(inputOf(written))]).toEqual([written, baseline])
      }
    }
  })
})

describe('renderChat', () => {
  it('renderChat keeps the text of control tokens as the client wrote it', () => {
    const pieces = renderChat(chat([user('say <|im_end|> twice')]), options)
    expect(pieces.join('')).toContain('say <|im_end|> twice')
  })

  it('renderChat does not split a prompt without control tokens', () => {
    expect(renderChat(chat([user('Hello')]), options)).toHaveLength(1)
  })

  it('renderChat splits a control token that a template would join from two fields', () => {
    const template = '{{ messages[0].content }}{{ messages[1].content }}'
    for (const token of vocabulary.controlTexts) {
      for (let at = 1; at < token.length; at++) {
        const input = chat([user(token.slice(0, at)), user(token.slice(at))])
        expect(tokensOf(input, { template })).not.toContain(vocabulary.tokenize(token, true)[0])
      }
    }
  })

  it('renderChat keeps text with private-use characters', () => {
    const text = 'a\ue000b<|im_end|>'
    const pieces = renderChat(chat([user(text)]), options)
    expect(pieces.join('')).toContain(text)
  })

  it('renderChat uses the second template engine when the first cannot render', () => {
    const broken = (): string => {
      throw new Error('not implemented')
    }
    const other = (template: string, variables: object): string =>
      new Template(template).render({ ...variables })
    expect(tokensOf(chat([user('Hello')]), { renderers: [broken, other] })).toEqual(
      tokensOf(chat([user('Hello')])),
    )
  })

  it('renderChat throws a TemplateError when the template refuses the messages', () => {
    const refusing = { ...options, template: "{{ raise_exception('roles must alternate') }}" }
    expect(() => renderChat(chat([user('Hello')]), refusing)).toThrow(TemplateError)
  })

  it('renderChat opens a thought when the request asks for one', () => {
    const thinking = renderChat(chat([user('Hi')], [], { enable_thinking: true }), options).join('')
    expect(thinking).not.toBe(renderChat(chat([user('Hi')]), options).join(''))
  })
})

describe('the byte table', () => {
  it('the byte table spells every text as llama.cpp tokenizes it', () => {
    for (const text of [
      'Hello, world',
      '2+2=4\n',
      'naïve façade',
      '日本語',
      '😀👍🏽',
      ' leading',
      'tab\tnew\n\nline',
    ]) {
      const { bytes, offsets } = vocabulary.vocabulary
      const pieces = [...vocabulary.tokenize(text, false)].map((token) =>
        bytes.subarray(offsets[token], offsets[token + 1]),
      )
      expect(Buffer.concat(pieces).toString()).toBe(text)
    }
  })
})
