import type { ChatMessage, ChatToolCall } from '../../text/template/chat-message.ts'
import { OpenCalls } from '../chat/open-calls.ts'
import { nonEmpty } from '../chat/sampling.ts'
import { type Fields, invalidValue, missing, oneOf } from '../fields.ts'
import { withoutBillingHeader } from './billing-header.ts'
import {
  type Notice,
  noticeCacheControl,
  readBlocks,
  readText,
  readTextBlock,
  requiredString,
  unsupportedBlock,
} from './content.ts'

const MAX_MESSAGES = 10_000

/**
 * Anthropic: `system` and `messages`, as templates take them. A user's message with tool results is several: the
 * results, each for itself, and what the user wrote.
 * @throws ServingError for anything that would change or lose what the client said.
 */
export function readMessages(fields: Fields, notice: Notice): ChatMessage[] {
  const items = fields.objects('messages', MAX_MESSAGES)
  if (items === undefined) throw missing('messages')
  const calls = new OpenCalls()
  const messages: ChatMessage[] = []
  for (const [index, item] of nonEmpty(items, 'messages').entries()) {
    messages.push(...readMessage(item, `messages.${index}`, messages.at(-1), calls, notice))
  }
  if (messages.at(-1)?.role === 'assistant') {
    throw invalidValue(
      'messages',
      "the last message must be the user's: an answer cannot be begun for the model.",
    )
  }
  calls.check(unanswered)
  const system = withoutBillingHeader(readText(fields, 'system', notice) ?? '')
  return system === '' ? messages : [{ role: 'system', content: system }, ...messages]
}

/** Anthropic's words. */
function unanswered(ids: readonly string[], path: string): string {
  return `${path}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${ids.join(', ')}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`
}

/** Anthropic takes successive messages of one role for one: calls, and results, may come in several. */
function readMessage(
  fields: Fields,
  path: string,
  last: ChatMessage | undefined,
  calls: OpenCalls,
  notice: Notice,
): ChatMessage[] {
  const role = oneOf(fields.pathOf('role'), fields.required('role'), ['user', 'assistant', 'system'])
  const blocks = readBlocks(fields, 'content')
  if (blocks === undefined) throw missing(fields.pathOf('content'))
  if (role === 'assistant') {
    if (last?.role !== 'assistant') calls.check(unanswered)
    return [readAssistant(blocks, path, calls, notice)]
  }
  const read = readUser(blocks, role, calls, notice)
  if (read.at(-1)?.role !== 'tool') calls.check(unanswered)
  return read
}

function readAssistant(
  blocks: readonly Fields[],
  path: string,
  open: OpenCalls,
  notice: Notice,
): ChatMessage {
  const texts: string[] = []
  const thoughts: string[] = []
  const calls: ChatToolCall[] = []
  for (const block of blocks) {
    const type = requiredString(block, 'type')
    if (type === 'text') texts.push(readTextBlock(block, notice))
    else if (type === 'thinking') thoughts.push(readThought(block))
    else if (type === 'redacted_thinking') {
      block.skip('data')
      notice('redacted_thinking')
    } else if (type === 'tool_use') calls.push(readToolUse(block, path, open, notice))
    else throw unsupportedBlock(block)
  }
  return {
    role: 'assistant',
    content: texts.join('\n'),
    ...(calls.length > 0 && { tool_calls: calls }),
    ...(thoughts.length > 0 && { reasoning_content: thoughts.join('\n') }),
  }
}

function readThought(block: Fields): string {
  block.skip('signature')
  return requiredString(block, 'thinking')
}

function readToolUse(block: Fields, path: string, open: OpenCalls, notice: Notice): ChatToolCall {
  noticeCacheControl(block, notice)
  const id = requiredString(block, 'id', 256)
  if (!open.open(id, path)) throw invalidValue(block.pathOf('id'), 'another tool_use has this id.')
  block.skip('caller')
  const input = block.needed('input')
  const name = requiredString(block, 'name', 64)
  return { id, type: 'function', function: { name, arguments: argumentsOf(input) } }
}

/** What was no JSON when the model wrote it came as a string, and goes back as it was. */
function argumentsOf(input: unknown): string {
  return typeof input === 'string' ? input : JSON.stringify(input)
}

function readUser(
  blocks: readonly Fields[],
  role: 'user' | 'system',
  open: OpenCalls,
  notice: Notice,
): ChatMessage[] {
  const results: ChatMessage[] = []
  const texts: string[] = []
  for (const block of blocks) {
    const type = requiredString(block, 'type')
    if (type === 'text') texts.push(readTextBlock(block, notice))
    else if (type === 'tool_result' && role === 'user') {
      if (texts.length > 0) throw invalidValue(block.pathOf('type'), 'tool results stand before text.')
      results.push(readToolResult(block, open, notice))
    } else throw unsupportedBlock(block)
  }
  if (texts.length === 0 && results.length > 0) return results
  return [...results, { role, content: texts.join('\n') }]
}

/** Templates know no failed results: the word is put in front. */
function readToolResult(block: Fields, open: OpenCalls, notice: Notice): ChatMessage {
  noticeCacheControl(block, notice)
  const id = requiredString(block, 'tool_use_id', 256)
  if (!open.close(id)) throw invalidValue(block.pathOf('tool_use_id'), 'no preceding tool_use has this id.')
  const text = readText(block, 'content', notice) ?? ''
  const failed = block.boolean('is_error') === true
  return { role: 'tool', tool_call_id: id, content: failed ? `Error: ${text}` : text }
}
