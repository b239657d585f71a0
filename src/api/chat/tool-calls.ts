import { randomUUID } from 'node:crypto'
import type { GenerationEnd } from '../../generation/generation.ts'
import type { OutputPart } from '../../text/output/output-parser.ts'

/** A call as the model wrote it; `arguments` is meant to be JSON. */
export interface Call {
  readonly name: string
  readonly arguments: string
}

/** OpenAI: an item of a message's tool_calls. */
export function wireCall({ name, arguments: text }: Call): object {
  return { id: newCallId(), type: 'function', function: { name, arguments: text } }
}

/**
 * OpenAI: delta of one piece of an answer. A call has its id, type and name once, with empty arguments; then only its index
 * and pieces of the arguments.
 */
export function wireDelta(part: OutputPart): object {
  if (part.type === 'text') return { content: part.text }
  if (part.type === 'reasoning') return wireReasoning(part.text)
  const { call: index } = part
  if (part.type === 'arguments') return { tool_calls: [{ index, function: { arguments: part.text } }] }
  return { tool_calls: [{ index, ...wireCall({ name: part.name, arguments: '' }) }] }
}

/** Fields of a thought, which OpenAI has no name for: DeepSeek's, which most clients read, and that of vLLM and OpenRouter. */
export function wireReasoning(text: string): object {
  return { reasoning_content: text, reasoning: text }
}

/** OpenAI: `finish_reason`, which is tool_calls for an answer with calls, unless it was cut off. */
export function finishReason({ reason }: GenerationEnd, hasCalls: boolean): string {
  return hasCalls && reason === 'stop' ? 'tool_calls' : reason
}

export function newCallId(): string {
  return `call_${randomUUID().replaceAll('-', '').slice(0, 24)}`
}
