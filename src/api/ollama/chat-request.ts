import type { Tenant } from '../../http/access/api-keys.ts'
import { withBegunAnswer } from '../chat/begun-answer.ts'
import type { ChatRequest } from '../chat/chat.ts'
import { toolFields, toolsOf } from '../chat/tools.ts'
import type { Read } from '../contract/field.ts'
import type { ReadyModel, Serving } from '../serving.ts'
import { messagesField, messagesOf } from './messages.ts'
import { generationFields, generationOptions, ollamaThinking } from './options.ts'

/** Ollama: the body of POST /api/chat. Without messages, the model is loaded, which it is. */
export const chatBody = {
  ...generationFields,
  messages: messagesField,
  tools: toolFields.tools,
}

/** Makes a chat of Ollama's body. An answer that comes last is gone on with. @throws ServingError where its fields do not go together, or with this model. */
export function chatOf(
  body: Read<typeof chatBody>,
  serving: Serving,
  ready: ReadyModel,
  tenant: Tenant | undefined,
): ChatRequest {
  const { info } = ready
  const chat = {
    messages: messagesOf(body.messages ?? []),
    tools: toolsOf({ ...body, tool_choice: undefined, parallel_tool_calls: undefined }, info.chat),
    thinking: ollamaThinking(body, info.chat),
    ...generationOptions(body, serving, ready, tenant),
  }
  return withBegunAnswer(chat, info.chat, undefined)
}
