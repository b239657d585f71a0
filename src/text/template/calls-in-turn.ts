import type { ChatMessage } from './chat-message.ts'

/** The messages with one call in each, and its results behind it, for a template that takes no more (Llama 3). */
export function callsInTurn(messages: readonly ChatMessage[]): ChatMessage[] {
  const turns: ChatMessage[] = []
  /** Turns of the calls of the message before, which results join. */
  let turnOf = new Map<string, ChatMessage[]>()
  let open: ChatMessage[][] = []
  const close = (): void => {
    for (const turn of open) for (const message of turn) turns.push(message)
    open = []
    turnOf = new Map()
  }
  for (const message of messages) {
    if (message.role === 'tool') {
      const turn = turnOf.get(message.tool_call_id ?? '') ?? open.at(-1) ?? turns
      turn.push(message)
      continue
    }
    close()
    const calls = message.tool_calls ?? []
    if (calls.length < 2) {
      turns.push(message)
      continue
    }
    open = calls.map((call, index) => [
      index === 0
        ? { ...message, tool_calls: [call] }
        : { role: 'assistant', content: '', tool_calls: [call] },
    ])
    turnOf = new Map(calls.map(({ id }, index) => [id, open[index] ?? turns]))
  }
  close()
  return turns
}
