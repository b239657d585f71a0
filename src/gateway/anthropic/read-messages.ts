import type { ChatMessage, ChatToolCall } from '../../text/chat-message.ts'
import { type Fields, invalidValue, missing, oneOf } from '../fields.ts'
import { nonEmpty } from '../openai/sampling.ts'
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
  const openCalls = new Set<string>()
  const messages = nonEmpty(items, 'messages').flatMap((item) => readMessage(item, openCalls, notice))
  if (messages.at(-1)?.role === 'assistant') {
    throw invalidValue(
      'messages',
      "the last message must be the user's: an answer cannot be begun for the model.",
    )
  }
  const system = withoutBillingHeader(readText(fields, 'system', notice) ?? '')
  return system === '' ? messages : [{ role: 'system', content: system }, ...messages]
}

function readMessage(fields: Fields, open: Set<string>, notice: Notice): ChatMessage[] {
  const role = oneOf(fields.pathOf('role'), fields.required('role'), ['user', 'assistant', 'system'])
  const blocks = readBlocks(fields, 'content')
  if (blocks === undefined) throw missing(fields.pathOf('content'))
  if (role === 'assistant') return [readAssistant(blocks, open, notice)]
  return readUser(blocks, role, open, notice)
}

function readAssistant(blocks: readonly Fields[], open: Set<string>, notice: Notice): ChatMessage {
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
    } else if (type === 'tool_use') calls.push(readToolUse(block, open, notice))
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

function readToolUse(block: Fields, open: Set<string>, notice: Notice): ChatToolCall {
  noticeCacheControl(block, notice)
  const id = requiredString(block, 'id', 256)
  if (open.has(id)) throw invalidValue(block.pathOf('id'), 'another tool_use has this id.')
  open.add(id)
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
  open: Set<string>,
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
function readToolResult(block: Fields, open: Set<string>, notice: Notice): ChatMessage {
  noticeCacheControl(block, notice)
  const id = requiredString(block, 'tool_use_id', 256)
  if (!open.delete(id)) throw invalidValue(block.pathOf('tool_use_id'), 'no preceding tool_use has this id.')
  const text = readText(block, 'content', notice) ?? ''
  const failed = block.boolean('is_error') === true
  return { role: 'tool', tool_call_id: id, content: failed ? `Error: ${text}` : text }
}
