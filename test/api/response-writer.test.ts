import { describe, expect, it } from 'vitest'
import type { NamedEvent } from '../../src/api/chat/generations.ts'
import { ResponseWriter } from '../../src/api/responses/writer.ts'
import { ServingError } from '../../src/base/errors.ts'
import type { Vocabulary } from '../../src/protocol/text-messages.ts'
import type { OutputPart } from '../../src/text/output/output-parser.ts'

const origins = new Map([
  ['apply_patch', { name: 'apply_patch', namespace: undefined, custom: true }],
  ['mcp__files__read', { name: 'read', namespace: 'mcp__files__', custom: false }],
])
const tools = { origins } as unknown as ConstructorParameters<typeof ResponseWriter>[2]['tools']

function write(parts: readonly OutputPart[], last: 'end' | 'fail' = 'fail') {
  const writer = new ResponseWriter('demo', {} as Vocabulary, { echo: {}, tools })
  const usage = {
    promptTokens: 3,
    completionTokens: 2,
    cachedTokens: 1,
    acceptedDrafts: 0,
    rejectedDrafts: 0,
    reasoningTokens: 0,
  }
  const timings = {
    promptTokens: 3,
    cachedTokens: 1,
    generatedTokens: 2,
    queueMs: 0,
    prefillMs: 0,
    firstTokenMs: 0,
    preemptedMs: 0,
    decodeMs: 0,
    totalMs: 0,
  }
  const events: NamedEvent[] = [...writer.opening()]
  for (const part of parts) events.push(...writer.part(part))
  if (last === 'end') events.push(...writer.end({ type: 'end', reason: 'stop', usage, timings }))
  else events.push(...writer.fail(new ServingError('engine_failed', 'The engine is gone')))
  return { events, response: writer.response as { status: string; output: object[] } }
}

describe('ResponseWriter', () => {
  it('a response has the call of a custom tool with its text, once that is complete', () => {
    const { events, response } = write(
      [
        { type: 'call', call: 0, name: 'apply_patch' },
        { type: 'arguments', call: 0, text: '{"input": "*** Begin' },
        { type: 'arguments', call: 0, text: ' \\"Patch\\""}' },
      ],
      'end',
    )
    const input = '*** Begin "Patch"'
    expect(events.map(({ type }) => type)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.custom_tool_call_input.delta',
      'response.custom_tool_call_input.done',
      'response.output_item.done',
      'response.completed',
    ])
    expect(events[2]).toMatchObject({ output_index: 0, item: { type: 'custom_tool_call', input: '' } })
    expect(events[4]).toMatchObject({ output_index: 0, input })
    expect(response.output).toEqual([
      {
        id: expect.any(String),
        call_id: expect.any(String),
        type: 'custom_tool_call',
        name: 'apply_patch',
        input,
      },
    ])
  })

  it('a response stream has keep-alive events where they cannot change its content', () => {
    const writer = new ResponseWriter('demo', {} as Vocabulary, { echo: {}, tools })
    const awake = (): unknown[] => [...writer.keepAlive()]
    const events = [...writer.opening()]
    expect(awake()).toMatchObject([{ type: 'response.in_progress', sequence_number: events.length }])
    events.push(...writer.part({ type: 'reasoning', text: 'Hm' }))
    expect(awake()).toEqual([])
    events.push(...writer.part({ type: 'text', text: 'Hi' }))
    const said = {
      type: 'response.output_text.delta',
      sequence_number: events.length + 1,
      output_index: 1,
      delta: '',
    }
    expect(awake()).toMatchObject([said])
  })

  it('a response names the namespace of a call', () => {
    const { response } = write(
      [
        { type: 'call', call: 0, name: 'mcp__files__read' },
        { type: 'arguments', call: 0, text: '{}' },
      ],
      'end',
    )
    expect(response.output).toMatchObject([
      { type: 'function_call', namespace: 'mcp__files__', name: 'read' },
    ])
  })

  it('a failed response keeps its output so far, and has the reason', () => {
    const { events, response } = write([{ type: 'text', text: 'Hel' }])
    expect(events.at(-1)).toMatchObject({
      type: 'response.failed',
      response: { status: 'failed', error: { code: 'server_error', message: 'The engine is gone' } },
    })
    expect(response.output).toMatchObject([{ status: 'incomplete', content: [{ text: 'Hel' }] }])
  })
})
