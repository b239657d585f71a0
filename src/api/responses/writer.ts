import type { ServingError } from '../../base/errors.ts'
import type { GenerationEnd, Usage } from '../../generation/generation.ts'
import type { Vocabulary } from '../../protocol/text-messages.ts'
import type { OutputPart } from '../../text/output/output-parser.ts'
import type { EventWriter, NamedEvent } from '../chat/generations.ts'
import { wireTokens } from '../chat/wire-tokens.ts'
import { type ItemStatus, newId, type OpenItem, openItem } from './items.ts'
import type { ResponsesRequest } from './request.ts'

/**
 * OpenAI: writer of a response and its events. response.created and response.in_progress; for each item output_item.added, its own
 * events and output_item.done; then one of response.completed, .incomplete and .failed. The SDKs fail on any event that
 * they do not know.
 */
export class ResponseWriter implements EventWriter {
  readonly #id = newId('resp')
  readonly #createdAt = unixSeconds()
  readonly #model: string
  readonly #vocabulary: Vocabulary
  readonly #request: Pick<ResponsesRequest, 'echo' | 'tools'>
  readonly #output: object[] = []
  #sequence = 0
  #open: { readonly kind: OutputPart['type']; readonly item: OpenItem } | undefined
  #outcome: object = { status: 'in_progress', error: null, incomplete_details: null }

  constructor(model: string, vocabulary: Vocabulary, request: Pick<ResponsesRequest, 'echo' | 'tools'>) {
    this.#vocabulary = vocabulary
    this.#model = model
    this.#request = request
  }

  /** The response, as far as it is written. */
  get response(): object {
    return {
      id: this.#id,
      object: 'response',
      created_at: this.#createdAt,
      model: this.#model,
      output: [...this.#output],
      ...this.#request.echo,
      ...this.#outcome,
    }
  }

  *opening(): Generator<NamedEvent> {
    yield this.#event('response.created', { response: this.response })
    yield this.#event('response.in_progress', { response: this.response })
  }

  *begin(): Generator<NamedEvent> {}

  *part(part: OutputPart): Generator<NamedEvent> {
    if (part.type === 'call' || (part.type !== 'arguments' && part.type !== this.#open?.kind)) {
      yield* this.#close('completed')
      const item = openItem(part, this.#request.tools.origins)
      this.#open = { kind: part.type, item }
      yield this.#itemEvent({ type: 'response.output_item.added', item: item.item('in_progress') })
      for (const event of item.opened()) yield this.#itemEvent(event, item.id)
    }
    if (part.type === 'call' || this.#open === undefined) return
    const { item } = this.#open
    const logprobs = part.type === 'text' ? wireTokens(part.tokens, this.#vocabulary) : []
    for (const event of item.add(part.text, logprobs)) yield this.#itemEvent(event, item.id)
  }

  *end({ reason, usage }: GenerationEnd): Generator<NamedEvent> {
    const status = reason === 'length' ? 'incomplete' : 'completed'
    yield* this.#close(status)
    this.#outcome = {
      status,
      error: null,
      incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
      ...(status === 'completed' && { completed_at: unixSeconds() }),
      usage: wireUsage(usage),
    }
    yield this.#event(`response.${status}`, { response: this.response })
  }

  /** Events without a meaning: before the first item response.in_progress, and within a text an empty delta. */
  *keepAlive(): Generator<NamedEvent> {
    if (this.#open?.kind === 'text') {
      const { item } = this.#open
      for (const event of item.add('')) yield this.#itemEvent(event, item.id)
    } else if (this.#open === undefined && this.#output.length === 0) {
      yield this.#event('response.in_progress', { response: this.response })
    }
  }

  *fail(error: ServingError): Generator<NamedEvent> {
    yield* this.#close('incomplete')
    const { message } = error
    this.#outcome = { status: 'failed', error: { code: 'server_error', message }, incomplete_details: null }
    yield this.#event('response.failed', { response: this.response })
  }

  *#close(status: ItemStatus): Generator<NamedEvent> {
    if (this.#open === undefined) return
    const { item } = this.#open
    for (const event of item.closed()) yield this.#itemEvent(event, item.id)
    const done = item.item(status)
    yield this.#itemEvent({ type: 'response.output_item.done', item: done })
    this.#output.push(done)
    this.#open = undefined
  }

  /** Event of the open item, which is the next one of the output. */
  #itemEvent(event: NamedEvent & { readonly item?: object }, itemId?: string): NamedEvent {
    const { type, ...fields } = event
    const where = { ...(itemId !== undefined && { item_id: itemId }), output_index: this.#output.length }
    return this.#event(type, { ...where, ...fields })
  }

  #event(type: string, fields: object): NamedEvent {
    return { type, sequence_number: this.#sequence++, ...fields } as NamedEvent
  }
}

/** OpenAI: `usage` of a response. Codex cannot read one without the details. */
function wireUsage(usage: Usage): object {
  return {
    input_tokens: usage.promptTokens,
    input_tokens_details: { cached_tokens: usage.cachedTokens, cache_write_tokens: 0 },
    output_tokens: usage.completionTokens,
    output_tokens_details: { reasoning_tokens: usage.reasoningTokens },
    total_tokens: usage.promptTokens + usage.completionTokens,
  }
}

function unixSeconds(): number {
  return Math.floor(Date.now() / 1000)
}
