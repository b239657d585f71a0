import { ServingError } from '../../base/errors.ts'
import type { ChatMessage, ChatToolCall } from '../../text/template/chat-message.ts'
import { cacheHints, content, resultContent } from '../chat/content.ts'
import { MAX_NAME } from '../chat/names.ts'
import { OpenCalls } from '../chat/open-calls.ts'
import { invalidValue, missing } from '../contract/failures.ts'
import { ignored, required, silent } from '../contract/fates.ts'
import { at, eitherOf, type Field, optional, type Read } from '../contract/field.ts'
import { string } from '../contract/kinds.ts'
import { full, item, list, object, tagged } from '../contract/objects.ts'

const MAX_MESSAGES = 10_000

const named = { name: string(256), ...cacheHints }
const said = { ...named, content: required(content) }

const functionCall: Field<undefined> = optional({ type: 'null' }, (owner, name) => {
  if (owner.value(name) === undefined) return undefined
  throw invalidValue(owner.pathOf(name), 'function_call is deprecated; use tool_calls.')
})

const toolCall = item({
  id: required(string(256)),
  function: required(
    object({ parsed_arguments: silent, name: required(string(MAX_NAME)), arguments: string() }),
  ),
  type: silent,
  index: silent,
})

/** OpenAI: a message, by its role. */
export const message = tagged('role', {
  system: said,
  developer: said,
  user: said,
  assistant: {
    ...named,
    function_call: functionCall,
    audio: ignored(),
    annotations: silent,
    parsed: silent,
    // Mistral's and DeepSeek's: the answer goes on, as with any that comes last.
    prefix: silent,
    reasoning_details: silent,
    tool_calls: list(toolCall, 128),
    content,
    refusal: string(),
    reasoning_content: string(),
    reasoning: string(),
  },
  tool: { ...named, content: required(resultContent), tool_call_id: required(string(256)) },
})

export const messageFields = { messages: required(full(list(message, MAX_MESSAGES))) }

type Message = ReturnType<(typeof message)['read']>

/**
 * OpenAI's messages as templates take them: one string of content each, `developer` as `system`.
 * @throws ServingError for anything that would change or lose what the client said.
 */
export function messagesOf({ messages: items }: Read<typeof messageFields>): ChatMessage[] {
  const calls = new OpenCalls()
  const messages = items.map((item, index) => {
    const message = templateMessage(item)
    checkToolOrder(message, index, calls)
    return message
  })
  calls.check(unanswered)
  return messages
}

function templateMessage(message: Message): ChatMessage {
  const named = message.name === undefined ? {} : { name: message.name }
  const { role } = message
  if (role === 'assistant') return { ...assistantMessage(message), ...named }
  const { content } = message
  if (role === 'tool') return { role, content, tool_call_id: message.tool_call_id, ...named }
  return { role: role === 'developer' ? 'system' : role, content, ...named }
}

function assistantMessage(message: Extract<Message, { role: 'assistant' }>): ChatMessage {
  const calls = (message.tool_calls ?? []).map(
    ({ id, function: { name, arguments: text = '{}' } }): ChatToolCall => ({
      id,
      type: 'function',
      function: { name, arguments: text },
    }),
  )
  const content = eitherOf(message, ['content', 'refusal'])
  const reasoning = eitherOf(message, ['reasoning_content', 'reasoning'])
  if (content === undefined && calls.length === 0 && reasoning === undefined)
    throw missing(message[at].pathOf('content'))
  return {
    role: 'assistant',
    content: content ?? '',
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
    ...(reasoning === undefined ? {} : { reasoning_content: reasoning }),
  }
}

/** OpenAI: checks that tool messages right behind a message answer all of its calls, in any order, and nothing else. */
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

/** OpenAI's message about tool calls without a result. */
function unanswered(ids: readonly string[]): string {
  return `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: ${ids.join(', ')}`
}
