import type { Generation, GenerationEnd } from '../../generation/generation.ts'
import type { OutputPart } from '../../text/output/output-parser.ts'
import type { EventWriter, NamedEvent } from '../chat/generations.ts'
import { isCut, type TokenLimit } from '../chat/token-limit.ts'
import { CALLER, emptyMessage, type MessageHead, newId, SIGNATURE, stopFields, wireUsage } from './answer.ts'
import { wireError } from './errors.ts'

interface AnthropicEvent extends NamedEvent {
  readonly [field: string]: unknown
}

/**
 * Anthropic: events of a message: message_start, then the blocks one after the other (content_block_start, _delta, _stop),
 * message_delta with the stop reason and the usage, message_stop.
 */
export function eventWriter(
  head: MessageHead,
  limit: TokenLimit | undefined,
  requestId: string,
): EventWriter {
  let index = -1
  let open: OutputPart['type'] | undefined
  let hasCalls = false
  let clamped = false
  const delta = (fields: object): AnthropicEvent => ({ type: 'content_block_delta', index, delta: fields })

  function* close(): Generator<AnthropicEvent> {
    if (open === undefined) return
    if (open === 'reasoning') yield delta({ type: 'signature_delta', signature: SIGNATURE })
    yield { type: 'content_block_stop', index }
    open = undefined
  }

  function* begin(part: OutputPart): Generator<AnthropicEvent> {
    yield* close()
    index++
    open = part.type
    yield { type: 'content_block_start', index, content_block: emptyBlock(part) }
  }

  return {
    begin: function* (generation: Generation) {
      clamped = isCut(limit, generation)
      yield { type: 'message_start', message: emptyMessage(head, generation.usage) } as AnthropicEvent
      yield { type: 'ping' }
    },
    part: function* (part) {
      if (part.type === 'call') {
        hasCalls = true
        yield* begin(part)
      } else if (part.type === 'arguments') {
        yield delta({ type: 'input_json_delta', partial_json: part.text })
      } else {
        if (open !== part.type) yield* begin(part)
        const { text } = part
        yield delta(
          part.type === 'text' ? { type: 'text_delta', text } : { type: 'thinking_delta', thinking: text },
        )
      }
    },
    end: function* (end: GenerationEnd) {
      yield* close()
      const usage = wireUsage(end.usage)
      yield { type: 'message_delta', delta: stopFields(end, hasCalls, clamped), usage } as AnthropicEvent
      yield { type: 'message_stop' }
    },
    keepAlive: function* () {
      yield { type: 'ping' }
    },
    fail: function* (error) {
      yield wireError(error, requestId)
    },
  }
}

function emptyBlock(part: OutputPart): object {
  if (part.type === 'reasoning') return { type: 'thinking', thinking: '', signature: '' }
  if (part.type === 'call')
    return { type: 'tool_use', id: newId('toolu'), name: part.name, input: {}, caller: CALLER }
  return { type: 'text', text: '' }
}
