import { quoted, ServingError } from '../../base/errors.ts'
import type { ChatMessage, ChatToolCall } from '../../text/template/chat-message.ts'
import { MAX_NAME } from '../chat/names.ts'
import { newCallId } from '../chat/tool-calls.ts'
import { invalidValue } from '../contract/failures.ts'
import { required, silent } from '../contract/fates.ts'
import { at } from '../contract/field.ts'
import { anything, string } from '../contract/kinds.ts'
import { item, list, object, tagged } from '../contract/objects.ts'
import { images } from './options.ts'

const MAX_MESSAGES = 10_000
const MAX_CALLS = 128

const id = string(256)
const name = string(MAX_NAME)
const said = { content: string(), images }

const toolCall = item({
  id,
  type: silent,
  function: required(
    object({
      name: required(name),
      arguments: anything({ type: ['object', 'string'] }),
      description: silent,
      index: silent,
    }),
  ),
})

const message = tagged('role', {
  system: said,
  user: said,
  assistant: { ...said, thinking: string(), tool_calls: list(toolCall, MAX_CALLS), tool_name: silent },
  tool: { ...said, tool_call_id: id, tool_name: name, name },
})

export const messagesField = list(message, MAX_MESSAGES)

type Message = ReturnType<(typeof message)['read']>
type Call = ReturnType<(typeof toolCall)['read']>
type ToolMessage = Extract<Message, { role: 'tool' }>

/**
 * Ollama: messages as chat templates take them. Its calls and results are matched by their order, or by the name of the tool, where
 * they have no id.
 * @throws ServingError for anything that would change or lose what the client said.
 */
export function messagesOf(items: readonly Message[]): ChatMessage[] {
  let open: { readonly id: string; readonly name: string }[] = []
  const checkAnswered = (): void => {
    const [first] = open
    if (first !== undefined) throw unanswered(first.name)
  }
  const messages = items.map((item): ChatMessage => {
    const { role, content = '' } = item
    if (role === 'tool') {
      const call = open.find((one) => answers(item, one))
      if (call === undefined)
        throw invalidValue(item[at].pathOf('role'), 'no tool call before this result waits for it.')
      open = open.filter((one) => one !== call)
      return { role, content, tool_call_id: call.id }
    }
    checkAnswered()
    if (role !== 'assistant') return { role, content }
    const calls = (item.tool_calls ?? []).map(templateCall)
    open = calls.map((call) => ({ id: call.id, name: call.function.name }))
    return {
      role,
      content,
      ...(calls.length > 0 && { tool_calls: calls }),
      ...(item.thinking !== undefined && { reasoning_content: item.thinking }),
    }
  })
  checkAnswered()
  return messages
}

function templateCall({ id, function: { name, arguments: given = {} } }: Call): ChatToolCall {
  const text = typeof given === 'string' ? given : JSON.stringify(given)
  return { id: id ?? newCallId(), type: 'function', function: { name, arguments: text } }
}

function answers(
  { tool_call_id: id, tool_name, name = tool_name }: ToolMessage,
  call: { readonly id: string; readonly name: string },
): boolean {
  if (id !== undefined && id !== '') return call.id === id
  return name === undefined || name === '' || call.name === name
}

function unanswered(name: string): ServingError {
  const message = `Invalid 'messages': a call of the tool ${quoted(name)} has no message of role tool behind it.`
  return new ServingError('invalid_value', message, { param: 'messages' })
}
