import { randomUUID } from 'node:crypto'
import type { OutputPart } from '../../text/output/output-parser.ts'
import type { NamedEvent } from '../chat/generations.ts'
import { newCallId } from '../chat/tool-calls.ts'
import type { ToolOrigin } from './tools.ts'

export type ItemStatus = 'in_progress' | 'completed' | 'incomplete'

/** An item of a response while it is written. Its events lack what the writer knows: where the item stands. */
export interface OpenItem {
  readonly id: string
  item(status: ItemStatus): object
  /** After the item was announced. */
  opened(): readonly NamedEvent[]
  /** @param logprobs OpenAI's, of the tokens of the text. */
  add(text: string, logprobs?: readonly object[]): readonly NamedEvent[]
  /** Before the item is done. */
  closed(): readonly NamedEvent[]
}

interface ItemEvent extends NamedEvent {
  readonly [field: string]: unknown
}

export function newId(kind: 'resp' | 'rs' | 'msg' | 'fc' | 'ctc'): string {
  return `${kind}_${randomUUID().replaceAll('-', '')}`
}

/** The item that begins with this part. */
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

/** The model wrote a function's arguments; their one text is known when they are whole. */
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

/** What is not of the form that was asked for is handed on as it is. */
function inputOf(text: string): string {
  try {
    const { input } = JSON.parse(text) as { input?: unknown }
    return typeof input === 'string' ? input : text
  } catch {
    return text
  }
}
