import { describe, expect, it } from 'vitest'
import type { ChatMessage } from '../../src/text/template/chat-message.ts'
import { chatWithToolsDescribed } from '../../src/text/template/described-tools.ts'

const tools = [{ type: 'function' as const, function: { name: 'f', parameters: { type: 'object' } } }]
const call = (id: string) => ({
  id,
  type: 'function' as const,
  function: { name: 'f', arguments: '{"a": 1}' },
})
const user: ChatMessage = { role: 'user', content: 'Hi' }
const shape = (messages: readonly ChatMessage[]) => messages.map(({ role, content }) => [role, content])

describe('tools in words', () => {
  it('stand behind what the system said, or in a system message of their own', () => {
    const [own, said] = chatWithToolsDescribed([user], tools)
    expect(own?.content).toContain('{"name":"f","parameters":{"type":"object"}}')
    expect([own?.role, said]).toEqual(['system', user])
    const [both] = chatWithToolsDescribed([{ role: 'system', content: 'Be kind.' }, user], tools)
    expect(both?.content).toBe(`Be kind.\n\n${own?.content}`)
  })

  it('calls are what the model wrote, and results what the user says, in turn', () => {
    const history: ChatMessage[] = [
      user,
      { role: 'assistant', content: 'I look.', tool_calls: [call('1'), call('2')] },
      { role: 'tool', tool_call_id: '1', content: 'one' },
      { role: 'tool', tool_call_id: '2', content: 'two' },
      { role: 'user', content: 'And?' },
    ]
    expect(shape(chatWithToolsDescribed(history, []))).toEqual([
      ['user', 'Hi'],
      ['assistant', 'I look.\n{"name": "f", "arguments": {"a": 1}}\n{"name": "f", "arguments": {"a": 1}}'],
      ['user', 'Result of f:\none\n\nResult of f:\ntwo\n\nAnd?'],
    ])
  })
})
