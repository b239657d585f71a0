import { ServingError } from '../../base/errors.ts'
import type { ChatMessage, ChatToolCall } from '../../text/template/chat-message.ts'
import { OpenCalls } from '../chat/open-calls.ts'
import { invalidValue, unsupported } from '../contract/failures.ts'
import { ignored, required, silent } from '../contract/fates.ts'
import { at, type Read } from '../contract/field.ts'
import type { Fields } from '../contract/fields.ts'
import { mapped, oneOf, string } from '../contract/kinds.ts'
import { full, item, list, tagged, textOr } from '../contract/objects.ts'
import { joinedName } from './tools.ts'

const MAX_ITEMS = 10_000
const ROLES = ['user', 'assistant', 'system', 'developer'] as const

const text = required(string())
const part = { prompt_cache_breakpoint: ignored(), annotations: silent, logprobs: silent }
const parts = list(
  tagged(
    'type',
    {
      input_text: { ...part, text },
      output_text: { ...part, text },
      text: { ...part, text },
      refusal: { ...part, refusal: text },
    },
    { unknown: unsupportedContent, anyTag: true },
  ),
  MAX_ITEMS,
)

/** OpenAI: content of an item: a string, or parts, which are joined. */
const content = mapped(textOr(parts, 'a string or an array of content parts'), (said) =>
  typeof said === 'string'
    ? said
    : said.map((part) => (part.type === 'refusal' ? part.refusal : part.text)).join(''),
)

const common = { id: silent, status: silent }
const callId = required(string(256))
const called = { ...common, name: required(string(64)), call_id: callId, namespace: string(64) }
const output = { ...common, call_id: callId, output: required(content) }

/** OpenAI: an item of a conversation. */
export const inputItem = tagged(
  'type',
  {
    message: { ...common, role: required(oneOf(ROLES)), phase: silent, content: required(content) },
    // This server's own thoughts come back in the clear; those of other servers are encrypted, and of no use here.
    reasoning: {
      ...common,
      summary: silent,
      encrypted_content: silent,
      content: list(item({ type: silent, text }), MAX_ITEMS),
    },
    function_call: { arguments: text, ...called },
    custom_tool_call: { input: text, ...called },
    function_call_output: output,
    custom_tool_call_output: output,
  },
  { byDefault: 'message', unknown: unknownItem },
)
type InputItem = ReturnType<(typeof inputItem)['read']>

const input = textOr(full(list(inputItem, MAX_ITEMS)), 'a string or an array of items')

export const inputFields = { instructions: string(), input: required(input) }

/** OpenAI: `instructions` and `input`, as chat templates read them. @throws ServingError for anything that would be lost. */
export function inputMessages({ instructions, input }: Read<typeof inputFields>): ChatMessage[] {
  const conversation = new Conversation()
  if (instructions !== undefined) conversation.add('system', instructions)
  if (typeof input === 'string') conversation.add('user', input)
  else for (const item of input) takeItem(item, conversation)
  return conversation.whole()
}

/** Conversation that items are collected into. Successive items of the model become one message, and so do instructions at the start. */
class Conversation {
  readonly messages: ChatMessage[] = []
  readonly #calls = new OpenCalls()

  /** Messages of the whole conversation. OpenAI: each call has its output, which need not follow at once. @throws ServingError. */
  whole(): ChatMessage[] {
    this.#calls.check(([id]) => `No tool output found for function call ${id}.`)
    return this.messages
  }

  add(role: 'user' | 'system', content: string): void {
    const last = this.messages.at(-1)
    if (role === 'system' && this.messages.length === 1 && last?.role === 'system') {
      this.messages[0] = { role, content: `${last.content}\n\n${content}` }
    } else this.messages.push({ role, content })
  }

  said(content: string): void {
    const last = this.#assistant()
    this.#replace({ ...last, content: last.content === '' ? content : `${last.content}\n${content}` })
  }

  thought(text: string): void {
    const last = this.#assistant()
    const before = last.reasoning_content
    this.#replace({ ...last, reasoning_content: before === undefined ? text : `${before}\n${text}` })
  }

  called(call: ChatToolCall, path: string): void {
    if (!this.#calls.open(call.id, path)) throw invalidValue(path, 'another call has this id.')
    const last = this.#assistant()
    this.#replace({ ...last, tool_calls: [...(last.tool_calls ?? []), call] })
  }

  answered(id: string, content: string, path: string): void {
    if (!this.#calls.close(id)) throw invalidValue(path, 'no preceding call has this id.')
    this.messages.push({ role: 'tool', tool_call_id: id, content })
  }

  #assistant(): ChatMessage {
    const last = this.messages.at(-1)
    if (last?.role === 'assistant') return last
    const begun: ChatMessage = { role: 'assistant', content: '' }
    this.messages.push(begun)
    return begun
  }

  #replace(message: ChatMessage): void {
    this.messages[this.messages.length - 1] = message
  }
}

function takeItem(item: InputItem, conversation: Conversation): void {
  switch (item.type) {
    case 'message': {
      const { role, content } = item
      if (role === 'assistant') conversation.said(content)
      else conversation.add(role === 'developer' ? 'system' : role, content)
      return
    }
    case 'reasoning': {
      const { content = [] } = item
      if (content.length > 0) conversation.thought(content.map(({ text }) => text).join(''))
      return
    }
    case 'function_call':
    case 'custom_tool_call':
      conversation.called(callOf(item), item[at].pathOf('call_id'))
      return
    case 'function_call_output':
    case 'custom_tool_call_output':
      conversation.answered(item.call_id, item.output, item[at].pathOf('call_id'))
      return
  }
}

function callOf(item: Extract<InputItem, { type: 'function_call' | 'custom_tool_call' }>): ChatToolCall {
  const name = joinedName(item.namespace, item.name)
  const text = item.type === 'function_call' ? item.arguments : JSON.stringify({ input: item.input })
  return { id: item.call_id, type: 'function', function: { name, arguments: text } }
}

function unknownItem(item: Fields): ServingError {
  if (item.value('type') !== 'item_reference') return unsupportedContent(item)
  return unsupported(item.pathOf('type'), 'Nothing is kept between requests: send the item itself.')
}

function unsupportedContent(fields: Fields): ServingError {
  const param = fields.pathOf('type')
  return new ServingError(
    'unsupported_content',
    `Invalid '${param}': what has this type cannot be read here.`,
    {
      param,
    },
  )
}
