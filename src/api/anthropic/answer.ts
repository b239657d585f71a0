import { randomUUID } from 'node:crypto'
import type { GenerationEnd, Usage } from '../../generation/generation.ts'
import type { Choice } from '../chat/collect.ts'

/** Signature of every thought: clients keep thoughts only with one, and send it back. This server signs nothing. */
export const SIGNATURE = 'unsigned'

/** Anthropic: who calls a tool; here it is always the model. */
export const CALLER = { type: 'direct' } as const

/** Anthropic: fields that its types require of every message, without a value. */
const NO_STOP = { stop_sequence: null, stop_details: null, container: null }

export interface MessageHead {
  readonly id: string
  readonly model: string
}

export function messageHead(model: string): MessageHead {
  return { id: newId('msg'), model }
}

export function newId(kind: 'msg' | 'toolu'): string {
  return `${kind}_${randomUUID().replaceAll('-', '').slice(0, 24)}`
}

/** Anthropic: a whole answer; thought, text and calls are blocks, in this order. */
export function wireMessage(head: MessageHead, choice: Choice, clamped: boolean): object {
  const { reasoning, text, calls, end } = choice
  const content = [
    ...(reasoning === '' ? [] : [{ type: 'thinking', thinking: reasoning, signature: SIGNATURE }]),
    ...(text === '' ? [] : [{ type: 'text', text }]),
    ...calls.map((call) => ({
      type: 'tool_use',
      id: newId('toolu'),
      name: call.name,
      input: parsedInput(call.arguments),
      caller: CALLER,
    })),
  ]
  return {
    ...emptyMessage(head, end.usage),
    content,
    ...stopFields(end, calls.length > 0, clamped),
    usage: wireUsage(end.usage),
  }
}

/** Anthropic: a message before anything is generated. */
export function emptyMessage({ id, model }: MessageHead, usage: Usage): object {
  return {
    id,
    type: 'message',
    role: 'assistant',
    model,
    content: [],
    diagnostics: null,
    stop_reason: null,
    ...NO_STOP,
    usage: wireUsage({ ...usage, completionTokens: 0, reasoningTokens: 0 }),
  }
}

/** Anthropic: `usage`. input_tokens are those that were computed; those found in the KV cache are counted apart. */
export function wireUsage(usage: Usage): object {
  return {
    input_tokens: usage.promptTokens - usage.cachedTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: usage.cachedTokens,
    output_tokens: usage.completionTokens,
    output_tokens_details: { thinking_tokens: usage.reasoningTokens },
    cache_creation: null,
    inference_geo: null,
    server_tool_use: null,
    service_tier: 'standard',
    speed: null,
  }
}

/** Anthropic: the stop reason and its fields. @param clamped whether the context had less room than `max_tokens`. */
export function stopFields({ reason, stop }: GenerationEnd, hasCalls: boolean, clamped: boolean): object {
  if (reason === 'length') {
    return { ...NO_STOP, stop_reason: clamped ? 'model_context_window_exceeded' : 'max_tokens' }
  }
  if (stop !== undefined) return { ...NO_STOP, stop_reason: 'stop_sequence', stop_sequence: stop }
  return { ...NO_STOP, stop_reason: hasCalls ? 'tool_use' : 'end_turn' }
}

/** Anthropic: parsed arguments of a call; a text that is no JSON stays a string. */
function parsedInput(text: string): unknown {
  if (text.trim() === '') return {}
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
