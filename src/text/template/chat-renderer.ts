import { plainJson } from '../tool-formats/plain-json.ts'
import { type ChatInput, renderChat, type TemplateOptions } from './chat-template.ts'
import { chatWithToolsDescribed } from './described-tools.ts'
import { renderFolded } from './folded-chat.ts'
import { takenTurns } from './taken-turns.ts'

/** Renders any conversation by a model's template: in turns that it takes, and with tools in words where it takes none. */
export function chatRenderer(options: TemplateOptions, toolFormat: string): (chat: ChatInput) => string[] {
  const takesTools = toolFormat !== plainJson.name
  const takes = takenTurns(
    (messages, tools) => renderChat({ messages, tools, kwargs: {} }, options).join(''),
    takesTools,
  )
  return (chat) => {
    const { messages, tools } = chat
    const described = takesTools ? messages : chatWithToolsDescribed(messages, tools)
    return renderFolded(described, takes, (folded) =>
      renderChat({ ...chat, messages: folded, tools: takesTools ? tools : [] }, options),
    )
  }
}
