import type { ChatMessage, ChatTool } from './chat-message.ts'

/**
 * A chat for a template that knows nothing of tools: they are described in words, calls are the text that plain-json.ts
 * reads, and results are messages of the user.
 */
export function chatWithToolsDescribed(
  messages: readonly ChatMessage[],
  tools: readonly ChatTool[],
): ChatMessage[] {
  const names = new Map<string | undefined, string>()
  const chat: ChatMessage[] = []
  let wasResult = false
  for (const message of messages) {
    for (const call of message.tool_calls ?? []) names.set(call.id, call.function.name)
    const isResult = message.role === 'tool'
    const plain = isResult ? resultOf(message, names.get(message.tool_call_id)) : withoutCalls(message)
    const last = chat.at(-1)
    // Most templates want user and assistant in turn.
    if (wasResult && last?.role === 'user' && plain.role === 'user')
      chat[chat.length - 1] = { ...last, content: `${last.content}\n\n${plain.content}` }
    else chat.push(plain)
    wasResult = isResult
  }
  return tools.length === 0 ? chat : withDescription(chat, describe(tools))
}

/**
 * A chat for a template that shows calls and results, but refuses these tools: they are described in words.
 * @param example a call as the model writes it.
 */
export function toolsDescribed(
  messages: readonly ChatMessage[],
  tools: readonly ChatTool[],
  example: string,
): ChatMessage[] {
  const text = [
    'You can call the functions that are described here:',
    ...tools.map((tool) => JSON.stringify(tool.function)),
    '',
    'To call a function, answer in this form:',
    example,
    '',
    'Its result comes next. When no function helps, answer in plain text.',
  ]
  return withDescription(messages, text.join('\n'))
}

function withoutCalls(message: ChatMessage): ChatMessage {
  const { tool_calls: calls, ...rest } = message
  if (calls === undefined) return message
  const lines = calls.map(
    ({ function: { name, arguments: args } }) => `{"name": ${JSON.stringify(name)}, "arguments": ${args}}`,
  )
  return { ...rest, content: [...(rest.content === '' ? [] : [rest.content]), ...lines].join('\n') }
}

function resultOf({ content }: ChatMessage, name: string | undefined): ChatMessage {
  return { role: 'user', content: `Result of ${name ?? 'the call'}:\n${content}` }
}

function describe(tools: readonly ChatTool[]): string {
  return [
    'You can call the functions that are described here, each by one JSON object:',
    ...tools.map((tool) => JSON.stringify(tool.function)),
    '',
    'To call a function, answer with nothing but an object of this form:',
    '{"name": "name of the function", "arguments": {its arguments}}',
    'To call several, write one such object on each line. You will be told what came of it.',
    'When no function helps, answer in plain text.',
  ].join('\n')
}

/** Behind what the system says first, or as all that it says. */
function withDescription(chat: readonly ChatMessage[], text: string): ChatMessage[] {
  const [first, ...rest] = chat
  if (first?.role !== 'system') return [{ role: 'system', content: text }, ...chat]
  return [{ ...first, content: `${first.content}\n\n${text}` }, ...rest]
}
