import type { ChatMessage, ChatTool, ChatToolCall } from '../../src/text/template/chat-message.ts'
import type { ChatInput } from '../../src/text/template/chat-template.ts'

const system: ChatMessage = { role: 'system', content: 'Be “kind” & brief.' }
const user: ChatMessage = { role: 'user', content: "  What's the weather in Köln? <b>\n" }
const more: ChatMessage = { role: 'user', content: 'And tomorrow?' }
const answer: ChatMessage = { role: 'assistant', content: 'Rain, 12 °C.' }
const thought = 'The user wants the weather.'

const tools: readonly ChatTool[] = [
  {
    type: 'function',
    function: {
      name: 'get_weather',
      description: 'The weather of a city (in °C)',
      parameters: {
        type: 'object',
        properties: {
          city: { type: 'string', description: 'Its name, "as written"' },
          days: { type: 'integer', minimum: 1, default: 1 },
          units: { type: 'string', enum: ['metric', 'impérial'] },
        },
        required: ['city'],
      },
    },
  },
  {
    type: 'function',
    function: { name: 'get_time', description: 'The time', parameters: { type: 'object', properties: {} } },
  },
]

export const calls: readonly ChatToolCall[] = [
  {
    id: 'call_A1',
    type: 'function',
    function: { name: 'get_weather', arguments: '{"city":"Köln","days":2}' },
  },
  {
    id: 'call_B2',
    type: 'function',
    function: { name: 'get_weather', arguments: '{"city":"Ōsaka","days":7}' },
  },
]
const [first, second] = calls as [ChatToolCall, ChatToolCall]
const results: readonly [ChatMessage, ChatMessage] = [
  { role: 'tool', tool_call_id: first.id, content: '{"celsius": 12}' },
  { role: 'tool', tool_call_id: second.id, content: '{"celsius": 31}' },
]
const calling = (...tool_calls: ChatToolCall[]): ChatMessage => ({
  role: 'assistant',
  content: '',
  tool_calls,
})

const chat = (
  messages: readonly ChatMessage[],
  offered: readonly ChatTool[] = [],
  kwargs: ChatInput['kwargs'] = {},
): ChatInput => ({ messages, tools: offered, kwargs })

/** Chats that every template is tried with. */
export const conversations = {
  plain: chat([system, user, answer, more]),
  'no system': chat([user]),
  tools: chat([system, user], tools),
  'a call': chat([system, user, calling(first), results[0]], tools),
  'two calls': chat([user, calling(first, second), ...results], tools),
  'thinking on': chat([user], [], { enable_thinking: true, thinking: true }),
  'thinking off': chat([user], [], { enable_thinking: false, thinking: false }),
  'a thought': chat([user, { ...answer, reasoning_content: thought }, more]),
  'a thought and a call': chat([user, { ...calling(first), reasoning_content: thought }, results[0]], tools),
  'system later': chat([user, answer, { role: 'system', content: 'Speak German.' }, more]),
} satisfies Record<string, ChatInput>

export type ConversationName = keyof typeof conversations
