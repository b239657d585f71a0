import { stringsIn } from '../json-strings.ts'
import { toolFormatNamed } from '../tool-formats/formats.ts'
import { plainJson } from '../tool-formats/plain-json.ts'
import { exampleCall, isWritable } from '../tool-formats/written-calls.ts'
import { answeredCalls } from './answered-calls.ts'
import { type ChatAbilities, chatAbilities, namesIn, toolVariable } from './chat-abilities.ts'
import type { ChatMessage, ChatTool } from './chat-message.ts'
import {
  type ChatInput,
  renderChat,
  TemplateError,
  type TemplateOptions,
  unusedCharacter,
} from './chat-template.ts'
import { chatWithToolsDescribed, toolsDescribed } from './described-tools.ts'
import { foldChat, renderFolded, type TakenTurns, takesAll } from './folded-chat.ts'
import { messageForms } from './message-forms.ts'
import { inOwnWords } from './own-words.ts'
import { takenTurns } from './taken-turns.ts'
import { templateFault } from './template-fault.ts'
import { type MessageForms, usualForms } from './template-message.ts'

/** Messages of a chat, and characters of all its strings, up to which the message is looked for that a template refuses: each try renders a part. */
const MAX_MESSAGES = 1000
const MAX_CHARACTERS = 100_000

const probeTool: ChatTool = {
  type: 'function',
  function: {
    name: 'altiplano_probe',
    description: 'Nothing.',
    parameters: { type: 'object', properties: {} },
  },
}

/** Refusal of a chat. `at`: index of the first message that the template refuses, where it can be found. */
export interface Refusal {
  readonly said: string
  readonly at: number | undefined
}

/** Findings about a template from rendering short conversations. */
interface Trial {
  readonly fault: string | undefined
  readonly forms: MessageForms
  readonly turns: TakenTurns
}

/** A model's chat template. What has to be found out about it by rendering is, at the first chat: a template may take any time. */
export class ModelTemplate {
  readonly abilities: ChatAbilities
  readonly #options: TemplateOptions
  #tried: Trial | undefined

  /** @param control ids and texts of the vocabulary's control tokens. */
  constructor(options: TemplateOptions, control: readonly (readonly [number, string])[]) {
    const { template } = options
    this.abilities = chatAbilities(template, control)
    const { argument, callId, notation } = toolFormatNamed(this.abilities.toolFormat) ?? {}
    const variable = toolVariable(template)
    this.#options = {
      ...options,
      reasoning: this.abilities.reasoning,
      ownWords: inOwnWords(template, namesIn(template)),
      ...(argument && { argument }),
      ...(callId && { callId }),
      ...(notation && isWritable(notation) && { notation }),
      ...(variable && { toolVariable: variable }),
    }
  }

  /** Why it renders no chat at all; undefined: it does. */
  get fault(): string | undefined {
    return this.#trial.fault
  }

  get forms(): MessageForms {
    return this.#trial.forms
  }

  /** Whether it says itself which tools there are, and how they are called. */
  get #takesTools(): boolean {
    return this.abilities.toolFormat !== plainJson.name
  }

  get #trial(): Trial {
    this.#tried ??= tried(this.#options, this.#takesTools)
    return this.#tried
  }

  get source(): string {
    return this.#options.template
  }

  /** @throws TemplateError */
  render(chat: ChatInput): string[] {
    try {
      return this.#rendered(chat)
    } catch (error) {
      // Some refuse thoughts beside both content and calls (gpt-oss): the thought is the least of them.
      const messages = chat.messages.map(withoutRefusedThought)
      if (!(error instanceof TemplateError) || messages.every((one, index) => one === chat.messages[index]))
        throw error
      return this.#rendered({ ...chat, messages })
    }
  }

  /** The template's own words against a chat that it refused, and the first message that they are about. */
  refusal(chat: ChatInput, error: TemplateError): Refusal | undefined {
    const { said } = error
    if (said === undefined) return undefined
    const { messages } = chat
    const characters = stringsIn(chat).reduce((sum, text) => sum + text.length, 0)
    if (messages.length > MAX_MESSAGES || characters > MAX_CHARACTERS) return { said, at: undefined }
    const refuses = (count: number): boolean =>
      this.#says(said, { ...chat, messages: messages.slice(0, count) })
    if (!refuses(messages.length)) return { said, at: undefined }
    let [least, most] = [1, messages.length]
    while (least < most) {
      const middle = (least + most) >> 1
      if (refuses(middle)) most = middle
      else least = middle + 1
    }
    return { said, at: most - 1 }
  }

  /** Whether the template refuses a chat with these words in the form that is tried first; the others would multiply the work. */
  #says(said: string, chat: ChatInput): boolean {
    const { forms, turns } = this.#trial
    const first = this.#firstForm(chat)
    try {
      renderChat({ ...first, messages: foldChat(first.messages, turns) }, { ...this.#options, forms })
      return false
    } catch (error) {
      return error instanceof TemplateError && error.said === said
    }
  }

  #rendered(chat: ChatInput): string[] {
    const { tools } = chat
    const first = this.#firstForm(chat)
    try {
      return this.#folded(first)
    } catch (error) {
      if (!this.#takesTools || !(error instanceof TemplateError) || tools.length === 0 || this.#takes(tools))
        throw error
      const { notation } = toolFormatNamed(this.abilities.toolFormat) ?? {}
      if (notation === undefined) throw error
      const markup = { place: unusedCharacter(chat), text: exampleCall(notation) }
      const messages = toolsDescribed(first.messages, tools, markup.place)
      return this.#folded({ ...chat, messages, tools: [], markup })
    }
  }

  /** A chat in which each call has its result, or in which tools are described in words where the template takes none. */
  #firstForm(chat: ChatInput): ChatInput {
    const { messages, tools } = chat
    if (this.#takesTools) return { ...chat, messages: answeredCalls(messages, this.forms.severalCalls) }
    return { ...chat, messages: chatWithToolsDescribed(messages, tools), tools: [] }
  }

  #folded(chat: ChatInput): string[] {
    const { forms, turns } = this.#trial
    const options = { ...this.#options, forms }
    return renderFolded(chat.messages, turns, (folded) => renderChat({ ...chat, messages: folded }, options))
  }

  /** Whether the template takes these tools: some refuse schemas that are common, such as lists of types. */
  #takes(tools: readonly ChatTool[]): boolean {
    try {
      renderChat({ messages: [{ role: 'user', content: 'Hello' }], tools, kwargs: {} }, this.#options)
      return true
    } catch (error) {
      if (error instanceof TemplateError) return false
      throw error
    }
  }
}

function tried(options: TemplateOptions, takesTools: boolean): Trial {
  const fault = faultOf(options)
  if (fault !== undefined) return { fault, forms: usualForms, turns: takesAll }
  const forms = formsOf(options)
  const render = (messages: readonly ChatMessage[], tools: readonly ChatTool[]): string =>
    renderChat({ messages, tools, kwargs: {} }, { ...options, forms }).join('')
  return { fault, forms, turns: takenTurns(render, takesTools) }
}

/** Fault of a template that renders not even one message, and does not say why itself. */
function faultOf(options: TemplateOptions): string | undefined {
  try {
    renderChat({ messages: [{ role: 'user', content: 'Hello' }], tools: [], kwargs: {} }, options)
    return undefined
  } catch (error) {
    if (!(error instanceof TemplateError) || error.said !== undefined) return undefined
    return templateFault(options.template, error.message)
  }
}

function formsOf(options: TemplateOptions): MessageForms {
  return messageForms((messages, forms, thinks) => {
    const kwargs = thinks ? { enable_thinking: true, thinking: true } : {}
    try {
      return renderChat({ messages, tools: [probeTool], kwargs }, { ...options, forms }).join('')
    } catch {
      return undefined
    }
  })
}

function withoutRefusedThought(message: ChatMessage): ChatMessage {
  const { reasoning_content: thought, ...rest } = message
  return thought === undefined || rest.content === '' || rest.tool_calls === undefined ? message : rest
}
