import { Template } from '@huggingface/jinja'
import { beforeAll, describe, expect, it } from 'vitest'
import { openAddon } from '../../src/engine/llama/addon.ts'
import type { ChatMessage, ChatTool } from '../../src/text/template/chat-message.ts'
import { type Renderer, TemplateError } from '../../src/text/template/chat-template.ts'
import { ControlTokenGuard } from '../../src/text/template/control-tokens.ts'
import { foldChat, renderFolded, type TakenTurns, takesAll } from '../../src/text/template/folded-chat.ts'
import { ModelTemplate } from '../../src/text/template/model-template.ts'
import { keepParsed } from '../../src/text/template/parsed-template.ts'
import { realTemplates } from '../support/llama-source.ts'

const user = (content: string): ChatMessage => ({ role: 'user', content })
const assistant = (content: string, more: Partial<ChatMessage> = {}): ChatMessage => ({
  role: 'assistant',
  content,
  ...more,
})
const system = (content: string): ChatMessage => ({ role: 'system', content })
const result = (content: string, tool_call_id = 'callid001'): ChatMessage => ({
  role: 'tool',
  tool_call_id,
  content,
})
const calling = (content = '', id = 'callid001'): ChatMessage =>
  assistant(content, {
    tool_calls: [{ id, type: 'function', function: { name: 'look', arguments: '{"at":"moon"}' } }],
  })
const tools: ChatTool[] = [
  {
    type: 'function',
    function: {
      name: 'look',
      description: 'Looks.',
      parameters: { type: 'object', properties: { at: { type: 'string' } }, required: ['at'] },
    },
  },
]

describe('a conversation folded for a template', () => {
  const shape = (
    messages: readonly ChatMessage[],
    takes: Partial<TakenTurns>,
  ): (readonly [string, string])[] =>
    foldChat(messages, { ...takesAll, ...takes }).map(({ role, content }) => [role, content])

  it('a chat that the template takes is left as it was', () => {
    const all = [
      system('S'),
      system('T'),
      user('a'),
      user('b'),
      assistant(''),
      system('U'),
      calling(),
      result('r'),
    ]
    expect(foldChat(all, takesAll)).toEqual(all)
  })

  it('a chat of very many turns in a row is folded without a copy of all before for each', () => {
    const many = Array.from({ length: 10_000 }, () => user('word '.repeat(200)))
    const start = performance.now()
    const folded = foldChat(many, { ...takesAll, anyOrder: false })
    // Ten megabytes once take milliseconds, and anew for each turn far longer than this.
    expect(performance.now() - start).toBeLessThan(3000)
    expect(folded.map(({ content }) => content.length)).toEqual([10_000 * 1002 - 2])
  })

  it('later system messages are folded into the turn of the user beside them', () => {
    const first = { system: 'first' } as const
    expect(
      shape([system('S'), system('T'), user('a'), assistant('b'), system('U'), user('c')], first),
    ).toEqual([
      ['system', 'S\n\nT'],
      ['user', 'a'],
      ['assistant', 'b'],
      ['user', 'U\n\nc'],
    ])
    expect(shape([user('a'), system('S'), user('b'), user('c')], first)).toEqual([
      ['user', 'a\n\nS\n\nb\n\nc'],
    ])
    expect(shape([user('a'), assistant('b'), system('S')], first).at(-1)).toEqual(['user', 'S'])
  })

  it('the turns before a late system message are the same whatever comes after it', () => {
    const takes = { system: 'first', anyOrder: false, userBehindResult: false } as const
    const begun = [system('S'), user('a'), assistant('b'), user('c')]
    const before = shape(begun, takes)
    expect(shape([...begun, system('T')], takes).slice(0, 3)).toEqual(before.slice(0, 3))
    expect(
      shape([...begun, system('T')], takes)
        .at(-1)?.[1]
        .startsWith('c\n\n'),
    ).toBe(true)
  })

  it("the system's words are the user's first where a template has no system messages", () => {
    const none = { system: 'none', anyOrder: false } as const
    expect(shape([system('S'), user('a'), assistant('b'), system('T'), user('c')], none)).toEqual([
      ['user', 'S\n\na'],
      ['assistant', 'b'],
      ['user', 'T\n\nc'],
    ])
    expect(shape([system('S'), assistant('b')], none)).toEqual([
      ['user', 'S'],
      ['assistant', 'b'],
    ])
  })

  it('two messages of one role are one turn, with the thoughts of both; calls stay by themselves', () => {
    const both = [
      user('a'),
      assistant('b', { reasoning_content: 'x', name: 'n' }),
      assistant('c', { reasoning_content: 'y', name: 'n' }),
      calling(),
      result('r'),
    ]
    expect(foldChat(both, { ...takesAll, anyOrder: false })).toEqual([
      user('a'),
      assistant('b\n\nc', { reasoning_content: 'x\n\ny', name: 'n' }),
      calling(),
      result('r'),
    ])
    expect(shape([assistant('Hello'), user('a'), user('b')], { anyOrder: false })).toEqual([
      ['user', ''],
      ['assistant', 'Hello'],
      ['user', 'a\n\nb'],
    ])
  })

  it("an empty answer is left out, and a user's words after a result are joined to it", () => {
    const takes = { emptyAnswers: false, anyOrder: false, userBehindResult: false } as const
    expect(shape([user('a'), assistant('', { reasoning_content: 'x' }), user('b')], takes)).toEqual([
      ['user', 'a\n\nb'],
    ])
    expect(shape([user('a'), calling(), result('r'), user('b'), user('c')], takes)).toEqual([
      ['user', 'a'],
      ['assistant', ''],
      ['tool', 'r\n\nb\n\nc'],
    ])
  })

  it('a chat has a user where the template wants one', () => {
    expect(shape([system('S')], { withoutUser: false })).toEqual([['user', 'S']])
  })

  it('a chat is folded further where the template still refuses it, and never for another error', () => {
    const tried: string[] = []
    const render = (messages: readonly ChatMessage[]): string => {
      const roles = messages.map(({ role }) => role).join()
      tried.push(roles)
      if (roles !== 'user') throw new TemplateError(roles)
      return 'rendered'
    }
    expect(renderFolded([system('S'), user('a'), user('b')], takesAll, render)).toBe('rendered')
    expect(tried).toEqual(['system,user,user', 'system,user', 'user'])
    expect(() => renderFolded([system('S'), assistant('a')], takesAll, render)).toThrow('system,assistant')
    const broken = (): never => {
      throw new RangeError('broken')
    }
    expect(() => renderFolded([user('a')], takesAll, broken)).toThrow(RangeError)
  })
})

/** Conversations as clients send them. */
const conversations: Readonly<Record<string, readonly ChatMessage[]>> = {
  'a system message': [system('s1'), user('u1')],
  'nothing but a system message': [system('s1')],
  'several system messages': [system('s1'), system('s2'), user('u1')],
  'a late system message': [system('s1'), user('u1'), assistant('a1'), system('s2'), user('u2')],
  'a late system message and no first one': [user('u1'), assistant('a1'), system('s2'), user('u2')],
  "a system message behind the user's (Claude Code)": [system('s1'), user('u1'), system('s2')],
  'a system message at the end': [user('u1'), assistant('a1'), user('u2'), system('s1')],
  'a system message behind an answer': [user('u1'), assistant('a1'), system('s1')],
  'two of the user in a row': [user('u1'), user('u2')],
  'two of the assistant in a row': [user('u1'), assistant('a1'), assistant('a2'), user('u2')],
  'a greeting first': [assistant('a1'), user('u1')],
  'a system message and a greeting': [system('s1'), assistant('a1'), user('u1')],
  'an assistant last': [user('u1'), assistant('a1')],
  'a thought that was cut': [user('u1'), assistant('', { reasoning_content: 'hm' }), user('u2')],
  'an empty answer': [user('u1'), assistant(''), user('u2')],
  'a call and its result': [user('u1'), calling(), result('r1')],
  'a system message, a call and its result': [system('s1'), user('u1'), calling(), result('r1')],
  'a call behind a text, and a second one': [
    user('u1'),
    calling('a1'),
    result('r1'),
    calling('a2', 'callid002'),
    result('r2', 'callid002'),
  ],
  'the user behind a result (Claude Code)': [user('u1'), calling(), result('r1'), user('u2')],
  'an answer, then a call': [user('u1'), assistant('a1'), calling(), result('r1'), user('u2')],
  'a system message behind a result': [user('u1'), calling(), result('r1'), system('s1')],
  'a system message and the user behind a result': [
    system('s1'),
    user('u1'),
    calling(),
    result('r1'),
    system('s2'),
    user('u2'),
    assistant('a1'),
    user('u3'),
  ],
}

/** Templates that write a call in place of what the model said before it: that is how their models were trained. */
const DROP_TEXT_BESIDE_CALLS =
  /^(Mistral-Small-3\.2|mistralai-Mistral-Nemo|meta-llama-|NousResearch-Hermes|Cohere2MoE|CohereForAI-c4ai-command-r7b|MiniMax-M1|upstage-Solar)/

describe('every real template', () => {
  let engines: Renderer[]
  beforeAll(async () => {
    const { AddonJinjaRenderer: Jinja } = await openAddon(false)
    engines = [
      keepParsed((template) => new Jinja(template)),
      keepParsed((template) => new Template(template)),
    ]
  })
  const none = new ControlTokenGuard([])

  it.each(realTemplates())(
    'renders every conversation, and loses nothing that was said: $name',
    ({ name: template, source }) => {
      const options = { template: source, bos: '<bos>', eos: '<eos>', guard: none, strictGuard: none }
      const real = new ModelTemplate({ ...options, renderers: engines }, [])
      for (const [name, messages] of Object.entries(conversations)) {
        const isCalled = messages.some(({ role }) => role === 'tool')
        // Words that stand in no template.
        const spoken = messages.map((one) => ({
          ...one,
          content: one.content && `lorem-${one.content}-ipsum`,
        }))
        const prompt = real.render({ messages: spoken, tools: isCalled ? tools : [], kwargs: {} }).join('')
        const lost = spoken.filter(({ content }) => !prompt.includes(content))
        const dropped = DROP_TEXT_BESIDE_CALLS.test(template) ? spoken.filter((one) => one.tool_calls) : []
        expect([name, lost]).toEqual([name, dropped.filter(({ content }) => content !== '')])
      }
    },
  )
})
