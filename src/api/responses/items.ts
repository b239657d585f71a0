import { randomUUID } from 'node:crypto'
import type { OutputPart } from '../../text/output/output-parser.ts'
import type { NamedEvent } from '../chat/generations.ts'
import { newCallId } from '../chat/tool-calls.ts'
import type { ToolOrigin } from './tools.ts'

export type ItemStatus = 'in_progress' | 'completed' | 'incomplete'

/** An item of a response while it is written. Its events have no index in the output: the writer of the response adds it. */
export interface OpenItem {
  readonly id: string
  item(status: ItemStatus): object
  /** Events after the item's output_item.added. */
  opened(): readonly NamedEvent[]
  /** Adds a piece of text, and returns its events. @param logprobs log probabilities of the text's tokens, as OpenAI writes them. */
  add(text: string, logprobs?: readonly object[]): readonly NamedEvent[]
  /** Events before the item's output_item.done. */
  closed(): readonly NamedEvent[]
}

interface ItemEvent extends NamedEvent {
  readonly [field: string]: unknown
}

export function newId(kind: 'resp' | 'rs' | 'msg' | 'fc' | 'ctc'): string {
  return `${kind}_${randomUUID().replaceAll('-', '')}`
}

/** Begins the item that an output part belongs to. */
export function openItem(part: OutputPart, origins: ReadonlyMap<string, ToolOrigin>): OpenItem {
  if (part.type === 'text') return message()
  if (part.type === 'reasoning') return reasoning()
  const name = part.type === 'call' ? part.name : ''
  const origin = origins.get(name) ?? { name, namespace: undefined, custom: false }
  return origin.custom ? customCall(origin) : functionCall(origin)
}

function message(): OpenItem {
  const part = (text: string, logprobs: readonly object[]): object => ({
    type: 'output_text',
    text,
    annotations: [],
    logprobs,
  })
  return textItem(newId('msg'), 'output_text', part, (status, content) => ({
    type: 'message',
    role: 'assistant',
    status,
    content,
  }))
}

function reasoning(): OpenItem {
  const part = (text: string): object => ({ type: 'reasoning_text', text })
  return textItem(newId('rs'), 'reasoning_text', part, (status, content) => ({
    type: 'reasoning',
    summary: [],
    content,
    status,
  }))
}

function textItem(
  id: string,
  kind: 'output_text' | 'reasoning_text',
  part: (text: string, logprobs: readonly object[]) => object,
  describe: (status: ItemStatus, content: object[]) => object,
): OpenItem {
  let text = ''
  const all: object[] = []
  const scores = (logprobs: readonly object[]): object => (kind === 'output_text' ? { logprobs } : {})
  const event = (what: string, fields: object): ItemEvent => ({
    type: `response.${what}`,
    content_index: 0,
    ...fields,
  })
  return {
    id,
    item: (status) => ({ id, ...describe(status, status === 'in_progress' ? [] : [part(text, [...all])]) }),
    opened: () => [event('content_part.added', { part: part('', []) })],
    add: (delta, logprobs = []) => {
      text += delta
      all.push(...logprobs)
      return [event(`${kind}.delta`, { delta, ...scores(logprobs) })]
    },
    closed: () => [
      event(`${kind}.done`, { text, ...scores([...all]) }),
      event('content_part.done', { part: part(text, [...all]) }),
    ],
  }
}

function functionCall({ name, namespace }: ToolOrigin): OpenItem {
  const id = newId('fc')
  const callId = newCallId()
  const of = namespace === undefined ? {} : { namespace }
  const type = 'response.function_call_arguments'
  let text = ''
  return {
    id,
    item: (status) => ({ id, type: 'function_call', call_id: callId, name, ...of, arguments: text, status }),
    opened: () => [],
    add: (delta) => {
      text += delta
      return [{ type: `${type}.delta`, delta } as ItemEvent]
    },
    closed: () => [{ type: `${type}.done`, arguments: text, name } as ItemEvent],
  }
}

/** A custom call. The model writes it as a function's arguments, whose one text is known when they are whole. */
function customCall({ name, namespace }: ToolOrigin): OpenItem {
  const id = newId('ctc')
  const callId = newCallId()
  const of = namespace === undefined ? {} : { namespace }
  const type = 'response.custom_tool_call_input'
  let text = ''
  let whole = false
  return {
    id,
    item: () => ({
      id,
      type: 'custom_tool_call',
      call_id: callId,
      name,
      ...of,
      input: whole ? inputOf(text) : '',
    }),
    opened: () => [],
    add: (delta) => {
      text += delta
      return []
    },
    closed: () => {
      whole = true
      const input = inputOf(text)
      return [
        { type: `${type}.delta`, delta: input } as ItemEvent,
        { type: `${type}.done`, input } as ItemEvent,
      ]
    },
  }
}

/** Text of a custom call; arguments of any other form are passed on unchanged. */
function inputOf(text: string): string {
  try {
    const { input } = JSON.parse(text) as { input?: unknown }
    return typeof input === 'string' ? input : text
  } catch {
    return text
  }
}
