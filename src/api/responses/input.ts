import { ServingError } from '../../base/errors.ts'
import type { ChatMessage, ChatToolCall } from '../../text/template/chat-message.ts'
import { OpenCalls } from '../chat/open-calls.ts'
import { nonEmpty } from '../chat/sampling.ts'
import { type Fields, invalidValue, missing, oneOf, unsupported, wrongType } from '../fields.ts'
import { joinedName } from './tools.ts'

const MAX_ITEMS = 10_000
const ROLES = ['user', 'assistant', 'system', 'developer'] as const

/** OpenAI: `instructions` and `input`, as templates take them. @throws ServingError for what would be lost. */
export function readInput(fields: Fields): ChatMessage[] {
  const conversation = new Conversation()
  const instructions = fields.string('instructions')
  if (instructions !== undefined) conversation.add('system', instructions)
  const input = fields.value('input')
  if (input === undefined) throw missing('input')
  if (typeof input === 'string') conversation.add('user', input)
  else if (!Array.isArray(input)) throw wrongType('input', 'a string or an array of items', input)
  else {
    for (const item of nonEmpty(fields.objects('input', MAX_ITEMS) ?? [], 'input')) {
      item.skip('id', 'status')
      readItem(item, conversation)
    }
  }
  return conversation.whole()
}

/** Items as turns: what the model said in several items is one message of it, and so are instructions at the start. */
class Conversation {
  readonly messages: ChatMessage[] = []
  readonly #calls = new OpenCalls()

  /** OpenAI: each call has its output, which need not follow at once. @throws ServingError in OpenAI's words. */
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

function readItem(item: Fields, conversation: Conversation): void {
  const type = item.string('type') ?? 'message'
  if (type === 'message') readMessage(item, conversation)
  else if (type === 'reasoning') readReasoning(item, conversation)
  else if (type === 'function_call' || type === 'custom_tool_call') readCall(item, type, conversation)
  else if (type === 'function_call_output' || type === 'custom_tool_call_output') {
    conversation.answered(callId(item), readText(item, 'output'), item.pathOf('call_id'))
  } else if (type === 'item_reference') {
    throw unsupported(item.pathOf('type'), 'Nothing is kept between requests: send the item itself.')
  } else throw unsupportedContent(item)
}

function readMessage(item: Fields, conversation: Conversation): void {
  const role = oneOf(item.pathOf('role'), item.needed('role'), ROLES)
  item.skip('phase')
  const content = readText(item, 'content')
  if (role === 'assistant') conversation.said(content)
  else conversation.add(role === 'developer' ? 'system' : role, content)
}

/** This server's own thoughts come back as they were; those of others are sealed, and of no use here. */
function readReasoning(item: Fields, conversation: Conversation): void {
  item.skip('summary', 'encrypted_content')
  const texts = (item.objects('content', MAX_ITEMS) ?? []).map((part) => {
    part.skip('type')
    return requiredText(part)
  })
  if (texts.length > 0) conversation.thought(texts.join(''))
}

function readCall(
  item: Fields,
  type: 'function_call' | 'custom_tool_call',
  conversation: Conversation,
): void {
  const field = type === 'function_call' ? 'arguments' : 'input'
  const text = item.string(field)
  if (text === undefined) throw missing(item.pathOf(field))
  const name = item.string('name', 64)
  if (name === undefined) throw missing(item.pathOf('name'))
  const call: ChatToolCall = {
    id: callId(item),
    type: 'function',
    function: {
      name: joinedName(item.string('namespace', 64), name),
      arguments: type === 'function_call' ? text : JSON.stringify({ input: text }),
    },
  }
  conversation.called(call, item.pathOf('call_id'))
}

function callId(item: Fields): string {
  const id = item.string('call_id', 256)
  if (id === undefined) throw missing(item.pathOf('call_id'))
  return id
}

/** OpenAI: a string, or parts, which are joined. */
function readText(item: Fields, name: string): string {
  const value = item.needed(name)
  if (typeof value === 'string') return value
  const path = item.pathOf(name)
  if (!Array.isArray(value)) throw wrongType(path, 'a string or an array of content parts', value)
  return (item.objects(name, MAX_ITEMS) ?? []).map(readPart).join('')
}

function readPart(part: Fields): string {
  const type = part.required('type')
  part.ignore('prompt_cache_breakpoint')
  part.skip('annotations', 'logprobs')
  if (type === 'refusal') {
    const refusal = part.string('refusal')
    if (refusal === undefined) throw missing(part.pathOf('refusal'))
    return refusal
  }
  if (type !== 'input_text' && type !== 'output_text' && type !== 'text') throw unsupportedContent(part)
  return requiredText(part)
}

function requiredText(part: Fields): string {
  const text = part.string('text')
  if (text === undefined) throw missing(part.pathOf('text'))
  return text
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
