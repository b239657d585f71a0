import type { CallNotation } from '../tool-formats/tool-format.ts'
import { writtenCalls } from '../tool-formats/written-calls.ts'
import type { ChatMessage } from './chat-message.ts'
import { mapStrings } from './control-tokens.ts'

/** How a template wants what messages say. What a template does is up to its author, so it is found out by rendering: see message-forms.ts. */
export interface MessageForms {
  /** Calls: in their field, or in the content where the template leaves the field out (Granite 3). */
  readonly calls: 'field' | 'content'
  /** Calls in a message that has a text, too: some templates show only that (llama.cpp's of DeepSeek R1). */
  readonly callsBesideText: 'field' | 'content'
  /** Arguments of a call: the object, or its JSON text where the template joins it to other text. */
  readonly arguments: 'object' | 'text'
  /** Earlier thoughts: the field that the template reads, or parts of the content (Ministral). */
  readonly thought: 'reasoning_content' | 'reasoning' | 'thinking' | 'parts'
  /** Whether a message may hold several calls. */
  readonly severalCalls: boolean
}

/** Forms of calls in messages, by the model's format. */
interface CallForms {
  /** How the model writes calls. */
  readonly notation?: CallNotation
  /** Makes an argument of a call such as the template takes; absent: it takes any. */
  readonly argument?: (value: unknown) => unknown
}

/** Arrays and objects within each other in arguments, as in a body. */
const MAX_DEPTH = 128

/** The forms of OpenAI's and of most templates. */
export const usualForms: MessageForms = {
  calls: 'field',
  callsBesideText: 'field',
  arguments: 'object',
  thought: 'reasoning_content',
  severalCalls: true,
}

/** A message as the template reads it, each of its texts made anew by `guard`. */
export function templateMessage(
  message: ChatMessage,
  forms: MessageForms,
  guard: (text: string) => string,
  { notation, argument }: CallForms = {},
): object {
  const { role, tool_calls: calls, reasoning_content: thought, content, ...rest } = message
  const guarded = mapStrings({ content, ...thoughtFields(thought, content, forms), ...rest }, guard) as object
  if (calls === undefined) return { role, ...guarded }
  const place = content === '' ? forms.calls : forms.callsBesideText
  if (place === 'content' && notation !== undefined) {
    const own = calls.map(({ function: call }) => call)
    return { role, ...guarded, content: guard(content) + writtenCalls(own, notation, guard) }
  }
  return {
    role,
    ...guarded,
    tool_calls: calls.map(({ id, type, function: { name, arguments: text } }) => ({
      id: guard(id),
      type,
      function: {
        name: guard(name),
        arguments:
          forms.arguments === 'text' ? guard(text) : mapStrings(parsedArguments(text, argument), guard),
      },
    })),
  }
}

function thoughtFields(
  thought: string | undefined,
  content: string,
  { thought: form }: MessageForms,
): object {
  if (thought === undefined) return {}
  if (form !== 'parts') return { [form]: thought }
  const words = content === '' ? [] : [{ type: 'text', text: content }]
  return { content: thought === '' ? content : [{ type: 'thinking', thinking: thought }, ...words] }
}

function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return depth === 0 || Object.values(value).some((item) => isDeeper(item, depth - 1))
}

/** The arguments of a call as the object that templates want; the text where it is none, or nested deeper than engines follow. */
function parsedArguments(text: string, argument: CallForms['argument']): unknown {
  try {
    const value: unknown = JSON.parse(text)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    if (!isObject || isDeeper(value, MAX_DEPTH)) return text
    if (argument === undefined) return value
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, argument(one)]))
  } catch {
    return text
  }
}
