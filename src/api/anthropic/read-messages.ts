import type { ChatMessage, ChatToolCall } from '../../text/template/chat-message.ts'
import { MAX_NAME } from '../chat/names.ts'
import { OpenCalls } from '../chat/open-calls.ts'
import { invalidValue } from '../contract/failures.ts'
import { required, silent } from '../contract/fates.ts'
import { at, type Read } from '../contract/field.ts'
import { anything, flag, string } from '../contract/kinds.ts'
import { full, list, tagged, taggedOr } from '../contract/objects.ts'
import { withoutBillingHeader } from './billing-header.ts'
import {
  blocks,
  cacheControl,
  linesOf,
  resultBlocks,
  textBlock,
  textBlocks,
  unsupportedBlock,
} from './content.ts'

const MAX_MESSAGES = 10_000

const id = required(string(256))

const userBlock = tagged(
  'type',
  {
    text: textBlock,
    tool_result: { ...cacheControl, tool_use_id: id, content: resultBlocks, is_error: flag },
  },
  { unknown: unsupportedBlock },
)

/** Block of Anthropic's own servers' tools, or of a kind that this server does not know: it is left out and named. */
interface Foreign {
  readonly type: 'foreign'
}

const assistantBlock = taggedOr(
  'type',
  {
    text: textBlock,
    thinking: { signature: silent, thinking: required(string()) },
    redacted_thinking: { data: silent },
    tool_use: {
      ...cacheControl,
      id,
      caller: silent,
      input: required(anything()),
      name: required(string(MAX_NAME)),
    },
  },
  (block, kind): Foreign => {
    block.ignore('type', block.pathOf(kind.slice(0, 64)))
    return { type: 'foreign' }
  },
)

const message = tagged('role', {
  user: { content: required(blocks(userBlock)) },
  assistant: { content: required(blocks(assistantBlock)) },
  system: { content: required(textBlocks) },
})

export const messageFields = { messages: required(full(list(message, MAX_MESSAGES))), system: textBlocks }

type Message = ReturnType<(typeof message)['read']>
type AssistantBlock = ReturnType<(typeof assistantBlock)['read']>
type UserBlock = ReturnType<(typeof userBlock)['read']>

/**
 * Anthropic: `system` and `messages`, as chat templates read them. A user's message with tool results becomes several: one for
 * each result, and one for the user's text.
 * @throws ServingError for anything that would change or lose what the client said.
 */
export function messagesOf({
  messages: items,
  system: instructions,
}: Read<typeof messageFields>): ChatMessage[] {
  const calls = new OpenCalls()
  const messages: ChatMessage[] = []
  for (const [index, item] of items.entries()) {
    messages.push(...templateMessages(item, `messages.${index}`, messages.at(-1), calls))
  }
  calls.check(unanswered)
  const system = withoutBillingHeader(linesOf(instructions ?? []))
  return system === '' ? messages : [{ role: 'system', content: system }, ...messages]
}

/** Anthropic's message about tool calls without a result. */
function unanswered(ids: readonly string[], path: string): string {
  return `${path}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${ids.join(', ')}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`
}

/** Reads one message. Anthropic takes successive messages of one role for one: calls, and results, may come in several. */
function templateMessages(
  message: Message,
  path: string,
  last: ChatMessage | undefined,
  calls: OpenCalls,
): ChatMessage[] {
  if (message.role === 'assistant') {
    if (last?.role !== 'assistant') calls.check(unanswered)
    return [assistantMessage(message.content, path, calls)]
  }
  const read =
    message.role === 'user'
      ? userMessages(message.content, calls)
      : [{ role: message.role, content: linesOf(message.content) }]
  if (read.at(-1)?.role !== 'tool') calls.check(unanswered)
  return read
}

function assistantMessage(blocks: readonly AssistantBlock[], path: string, open: OpenCalls): ChatMessage {
  const texts: string[] = []
  const thoughts: string[] = []
  const calls: ChatToolCall[] = []
  for (const block of blocks) {
    if (block.type === 'text') texts.push(block.text)
    else if (block.type === 'thinking') thoughts.push(block.thinking)
    else if (block.type === 'redacted_thinking') block[at].ignore('type', block.type)
    else if (block.type === 'tool_use') {
      const { id, name, input } = block
      if (!open.open(id, path)) throw invalidValue(block[at].pathOf('id'), 'another tool_use has this id.')
      calls.push({ id, type: 'function', function: { name, arguments: argumentsOf(input) } })
    }
  }
  return {
    role: 'assistant',
    content: texts.join('\n'),
    ...(calls.length > 0 && { tool_calls: calls }),
    ...(thoughts.length > 0 && { reasoning_content: thoughts.join('\n') }),
  }
}

/** Arguments of a call as the model wrote them: text that is no JSON reached the client as a string, and is passed on unchanged. */
function argumentsOf(input: unknown): string {
  return typeof input === 'string' ? input : JSON.stringify(input)
}

function userMessages(blocks: readonly UserBlock[], open: OpenCalls): ChatMessage[] {
  const results: ChatMessage[] = []
  const texts: string[] = []
  for (const block of blocks) {
    if (block.type === 'text') texts.push(block.text)
    else {
      if (texts.length > 0) throw invalidValue(block[at].pathOf('type'), 'tool results stand before text.')
      results.push(toolMessage(block, open))
    }
  }
  if (texts.length === 0 && results.length > 0) return results
  return [...results, { role: 'user', content: texts.join('\n') }]
}

/** Result of a call as chat templates read it. They have no field for failed calls: `Error:` is put before the text. */
function toolMessage(block: Extract<UserBlock, { type: 'tool_result' }>, open: OpenCalls): ChatMessage {
  const { tool_use_id: id, content = [], is_error: failed, [at]: fields } = block
  if (!open.close(id)) throw invalidValue(fields.pathOf('tool_use_id'), 'no preceding tool_use has this id.')
  const text = linesOf(content)
  return { role: 'tool', tool_call_id: id, content: failed === true ? `Error: ${text}` : text }
}
