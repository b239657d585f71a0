import type { ChatMessage, ChatToolCall } from './chat-message.ts'

/**
 * The messages with the results of calls in the order of the calls, as most templates write no ids, and named as the called functions
 * (Gemma 4, Kimi). @param severalCalls false: one call in each message, its results behind it.
 */
export function answeredCalls(messages: readonly ChatMessage[], severalCalls: boolean): ChatMessage[] {
  const answered: ChatMessage[] = []
  let open: OpenCalls | undefined
  for (const message of messages) {
    if (message.role === 'tool' && open !== undefined) {
      open.result(message)
      continue
    }
    if (open !== undefined) answered.push(...open.messages(severalCalls))
    const calls = message.tool_calls ?? []
    open = calls.length === 0 ? undefined : new OpenCalls(message, calls)
    if (open === undefined) answered.push(message)
  }
  return open === undefined ? answered : [...answered, ...open.messages(severalCalls)]
}

/** A message with calls, and the results that follow it. */
class OpenCalls {
  readonly #message: ChatMessage
  readonly #results: (readonly [ChatToolCall, ChatMessage[]])[]
  readonly #byId: Map<string, readonly [ChatToolCall, ChatMessage[]]>
  /** Results of no call. */
  readonly #others: ChatMessage[] = []

  constructor(message: ChatMessage, calls: readonly ChatToolCall[]) {
    this.#message = message
    this.#results = calls.map((call) => [call, []])
    this.#byId = new Map(this.#results.map((each) => [each[0].id, each]))
  }

  result(message: ChatMessage): void {
    const [call, results] = this.#byId.get(message.tool_call_id ?? '') ?? []
    if (call === undefined) this.#others.push(message)
    else results?.push({ name: call.function.name, ...message })
  }

  messages(severalCalls: boolean): ChatMessage[] {
    if (severalCalls)
      return [this.#message, ...this.#results.flatMap(([, results]) => results), ...this.#others]
    const turns = this.#results.flatMap(([call, results], index): ChatMessage[] => {
      const said = index === 0 ? this.#message : { role: 'assistant' as const, content: '' }
      return [{ ...said, tool_calls: [call] }, ...results]
    })
    return [...turns, ...this.#others]
  }
}
