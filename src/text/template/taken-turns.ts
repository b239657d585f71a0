import type { ChatMessage, ChatTool, ChatToolCall } from './chat-message.ts'
import { type TakenTurns, takesAll } from './folded-chat.ts'

/** Renders a conversation. @throws whatever the template has against it. */
type Render = (messages: readonly ChatMessage[], tools: readonly ChatTool[]) => string

const tool: ChatTool = {
  type: 'function',
  function: { name: 'altiplano_probe', parameters: { type: 'object', properties: {} } },
}
const call: ChatToolCall = {
  // Nine letters and digits, as Mistral's templates want it.
  id: 'probeid01',
  type: 'function',
  function: { name: 'altiplano_probe', arguments: '{}' },
}
const calling: ChatMessage = { role: 'assistant', content: '', tool_calls: [call] }
const silent: ChatMessage = { role: 'assistant', content: '' }

/**
 * The turns that a template takes, found out by rendering short conversations: what it does not take it refuses, or leaves out. Of a
 * template that takes nothing nothing can be said.
 * @param takesTools whether the template is given tools.
 */
export function takenTurns(render: Render, takesTools: boolean): TakenTurns {
  const tools = takesTools ? [tool] : []
  const takes = (...messages: readonly ChatMessage[]): boolean => {
    try {
      const text = render(messages, tools)
      return messages.every(({ content }) => text.includes(content))
    } catch {
      return false
    }
  }
  let said = 0
  const turn = (role: ChatMessage['role']): ChatMessage => ({ role, content: `probe ${said++} of altiplano` })
  const [user, assistant, system] = [
    () => turn('user'),
    () => turn('assistant'),
    () => turn('system'),
  ] as const
  const result = (): ChatMessage => ({ ...turn('tool'), tool_call_id: call.id })
  if (!takes(user())) return takesAll
  const isAnywhere =
    takes(system(), system(), user()) &&
    takes(system(), user(), assistant(), system(), user()) &&
    takes(user(), assistant(), user(), system())
  const takesResults = takesTools && takes(user(), calling, result())
  // Mistral Nemo's shows it with the last message alone, and only where that is the user's.
  const isAlways = !takesResults || takes(system(), user(), calling, result())
  return {
    system: isAnywhere ? 'anywhere' : takes(system(), user()) && isAlways ? 'first' : 'none',
    anyOrder:
      takes(user(), user()) && takes(user(), assistant(), assistant(), user()) && takes(assistant(), user()),
    emptyAnswers:
      takes(user(), silent, user()) && takes(user(), { ...silent, reasoning_content: 'thought' }, user()),
    userBehindResult: !takesResults || takes(user(), calling, result(), user()),
    withoutUser: takes(system()),
  }
}
