import { ServingError } from '../../base/errors.ts'
import type { ChatMessage, ChatToolCall } from '../../text/template/chat-message.ts'
import { CACHE_HINTS, readContent } from '../chat/content.ts'
import { OpenCalls } from '../chat/open-calls.ts'
import { nonEmpty } from '../chat/sampling.ts'
import { type Fields, invalidValue, missing, oneOf } from '../fields.ts'

const MAX_MESSAGES = 10_000
const ROLES = ['system', 'developer', 'user', 'assistant', 'tool'] as const

/**
 * OpenAI's messages as templates take them: one string of content each, `developer` as `system`.
 * @throws ServingError for anything that would change or lose what the client said.
 */
export function readMessages(fields: Fields): ChatMessage[] {
  const items = fields.objects('messages', MAX_MESSAGES)
  if (items === undefined) throw missing('messages')
  const calls = new OpenCalls()
  const messages = nonEmpty(items, 'messages').map((item, index) => {
    const message = readMessage(item)
    checkToolOrder(message, index, calls)
    return message
  })
  calls.check(unanswered)
  return messages
}

function readMessage(fields: Fields): ChatMessage {
  fields.required('role')
  const role = oneOf(fields.pathOf('role'), fields.value('role'), ROLES)
  const name = fields.string('name', 256)
  const named = name === undefined ? {} : { name }
  fields.ignore(...CACHE_HINTS)
  if (role === 'assistant') return { ...readAssistant(fields), ...named }
  const content = readContent(fields)
  if (content === undefined) throw missing(fields.pathOf('content'))
  if (role === 'tool') {
    const id = fields.string('tool_call_id', 256)
    if (id === undefined) throw missing(fields.pathOf('tool_call_id'))
    return { role, content, tool_call_id: id, ...named }
  }
  return { role: role === 'developer' ? 'system' : role, content, ...named }
}

function readAssistant(fields: Fields): ChatMessage {
  if (fields.value('function_call') !== undefined) {
    throw invalidValue(fields.pathOf('function_call'), 'function_call is deprecated; use tool_calls.')
  }
  fields.ignore('audio')
  fields.skip('annotations', 'parsed', 'reasoning_details')
  const calls = fields.objects('tool_calls', 128)?.map(readToolCall)
  const content = fields.eitherOf(['content', 'refusal'], (name) =>
    name === 'content' ? readContent(fields) : fields.string(name),
  )
  if (content === undefined && (calls === undefined || calls.length === 0))
    throw missing(fields.pathOf('content'))
  const reasoning = fields.eitherOf(['reasoning_content', 'reasoning'], (name) => fields.string(name))
  return {
    role: 'assistant',
    content: content ?? '',
    ...(calls === undefined || calls.length === 0 ? {} : { tool_calls: calls }),
    ...(reasoning === undefined ? {} : { reasoning_content: reasoning }),
  }
}

function readToolCall(fields: Fields): ChatToolCall {
  const id = fields.string('id', 256)
  if (id === undefined) throw missing(fields.pathOf('id'))
  const call = fields.object('function')
  if (call === undefined) throw missing(fields.pathOf('function'))
  fields.skip('type', 'index')
  call.skip('parsed_arguments')
  const name = call.string('name', 64)
  if (name === undefined) throw missing(call.pathOf('name'))
  return { id, type: 'function', function: { name, arguments: call.string('arguments') ?? '{}' } }
}

/** The calls of a message are all answered by the messages right behind it, in any order, and nothing else is answered. */
function checkToolOrder(message: ChatMessage, index: number, calls: OpenCalls): void {
  if (message.role !== 'tool' || message.tool_call_id === undefined) {
    calls.check(unanswered)
    const path = `messages[${index}].tool_calls`
    for (const { id } of message.tool_calls ?? [])
      if (!calls.open(id, path)) throw invalidValue(path, 'two tool calls have the same id.')
    return
  }
  if (calls.none) {
    throw new ServingError(
      'invalid_value',
      "Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'.",
      { param: `messages[${index}].role` },
    )
  }
  if (!calls.close(message.tool_call_id)) {
    throw invalidValue(`messages[${index}].tool_call_id`, 'no preceding tool call has this id.')
  }
}

/** OpenAI's words. */
function unanswered(ids: readonly string[]): string {
  return `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: ${ids.join(', ')}`
}
