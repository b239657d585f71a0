import type { ServingError } from '../../base/errors.ts'
import type { ChatAbilities } from '../../text/template/chat-abilities.ts'
import { toolFormatNamed } from '../../text/tool-formats/formats.ts'
import { invalidValue, unsupported } from '../contract/failures.ts'
import type { ChatRequest } from './chat.ts'

/**
 * A chat whose last message is the beginning of the answer, which the model goes on with. Without one the answer begins anew.
 * @param asked the field that asks for it; undefined: nobody does, and where it cannot be the message is a turn like any other.
 * @throws ServingError where it is asked for and cannot be.
 */
export function withBegunAnswer(
  chat: ChatRequest,
  abilities: ChatAbilities,
  asked: string | undefined,
): ChatRequest {
  const last = chat.messages.at(-1)
  const why = whyNotBegun(chat, abilities, asked ?? 'messages')
  if (last === undefined || why !== undefined) {
    if (asked !== undefined && why !== undefined) throw why
    return chat
  }
  const { content, reasoning_content: thought = '' } = last
  const { tools, messages } = chat
  const isMarked = toolFormatNamed(abilities.toolFormat)?.notation?.mark !== undefined
  return {
    ...chat,
    messages: messages.slice(0, -1),
    begun: { content, thought },
    // Without a mark a call is the beginning of an answer, and that is there already.
    tools: isMarked || content === '' ? tools : { ...tools, output: undefined },
  }
}

function whyNotBegun(
  { messages, constraint, tools }: ChatRequest,
  { toolFormat }: ChatAbilities,
  field: string,
): ServingError | undefined {
  if (messages.at(-1)?.role !== 'assistant')
    return invalidValue(field, "the last message is not the assistant's: there is no answer to go on with.")
  if (messages.length === 1) return invalidValue(field, 'nothing comes before the answer.')
  if (constraint !== undefined)
    return invalidValue(constraint.param, 'an answer that has begun cannot be held to it.')
  const format = toolFormatNamed(toolFormat)
  if (format?.lead !== undefined)
    return unsupported(field, "An answer cannot be begun in the format of this model's template.")
  if (tools.forced !== undefined && format?.notation?.mark === undefined)
    return unsupported('tool_choice', "In the format of this model's template no call follows a text.")
  return undefined
}
