import { endsInThought, type ReasoningTags } from '../scan/reasoning.ts'
import type { CallNotation } from '../tool-formats/tool-format.ts'
import type { ChatMessage, ChatTool } from './chat-message.ts'
import { type ControlTokenGuard, mapStrings, unusedMark } from './control-tokens.ts'
import { type MessageForms, templateMessage, usualForms } from './template-message.ts'
import { type ToolVariable, templateTools, todaysVariables } from './template-variables.ts'

/** Renders a Jinja template with variables. @throws TemplateError where the template itself refuses them; any error of the Jinja engine. */
export type Renderer = (template: string, variables: Readonly<Record<string, unknown>>) => string

export interface TemplateOptions {
  readonly template: string
  readonly bos: string
  readonly eos: string
  /** Guards for control tokens, and, for text that only users write, for markup tokens too. */
  readonly guard: ControlTokenGuard
  readonly strictGuard: ControlTokenGuard
  /** Turns ids of calls into such as the template takes; absent: it takes any. */
  readonly callId?: (id: string, name: string, index: number) => string
  /** Makes an argument of a call such as the template takes; absent: it takes any. */
  readonly argument?: (value: unknown) => unknown
  /** Puts variables into the template's own words. Default: they are common. */
  readonly ownWords?: (kwargs: ChatInput['kwargs']) => ChatInput['kwargs']
  /** Default: the usual ones. */
  readonly forms?: MessageForms
  /** How the model writes calls; for `forms`. */
  readonly notation?: CallNotation
  /** The variable that tools are in. Default `tools`. */
  readonly toolVariable?: ToolVariable
  /** The operator's variables, under those of a request. Default none. */
  readonly kwargs?: Readonly<Record<string, unknown>>
  /** Tags of the model's thoughts; undefined: it has none. */
  readonly reasoning?: ReasoningTags | undefined
  /** Jinja engines, tried in order until one renders. */
  readonly renderers: readonly Renderer[]
}

export interface ChatInput {
  readonly messages: readonly ChatMessage[]
  readonly tools: readonly ChatTool[]
  readonly kwargs: Readonly<Record<string, unknown>>
  /** Beginning of the answer, which the prompt ends with. Default none. */
  readonly begun?: BegunAnswer | undefined
  /** Markup of this server's own in the messages: its control tokens are meant. Default none. */
  readonly markup?: Markup
}

/** A text that stands in messages as a character that no client has written. */
export interface Markup {
  readonly place: string
  readonly text: string
}

export interface BegunAnswer {
  readonly content: string
  readonly thought: string
}

/** Refusal of messages by a template: its own raise_exception, or no engine can render it. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError'
  /** The template's own words against the messages; undefined: no engine can render it. */
  readonly said: string | undefined

  constructor(message: string, said?: string) {
    super(message)
    this.said = said
  }
}

/**
 * The prompt of a chat, in pieces that are to be tokenized one by one: control tokens that clients wrote are cut
 * at the borders, those of the template are whole.
 */
export function renderChat(input: ChatInput, options: TemplateOptions): string[] {
  const mark = unusedCharacter(input)
  const all = (text: string): string => options.strictGuard.guard(text, mark)
  // Templates cut an assistant's text at </think>: there only what is a control token for certain is guarded.
  const own = (text: string): string => options.guard.guard(text, mark)
  const kwargs = { ...options.kwargs, ...(mapStrings(input.kwargs, all) as object) }
  const variables = {
    ...todaysVariables(new Date()),
    messages: withCallIds(input.messages, options.callId).map((message) =>
      templateMessage(
        message,
        options.forms ?? usualForms,
        message.role === 'assistant' ? own : all,
        options,
      ),
    ),
    ...templateTools(mapStrings(input.tools, all) as readonly ChatTool[], options.toolVariable),
    ...(options.ownWords?.(kwargs) ?? kwargs),
    add_generation_prompt: true,
    bos_token: options.bos,
    eos_token: options.eos,
  }
  const rendered = render(options, variables)
  const { markup } = input
  const prompt = markup === undefined ? rendered : rendered.replaceAll(markup.place, () => markup.text)
  return (prompt + beginning(input.begun, prompt, options.reasoning, own)).split(mark)
}

/** A character for this server's own use in a chat. @throws TemplateError where the chat holds all of them. */
export function unusedCharacter(chat: ChatInput): string {
  const texts: string[] = []
  mapStrings(chat, (text) => {
    texts.push(text)
    return text
  })
  const mark = unusedMark(texts)
  if (mark === undefined) throw new TemplateError('the messages hold every private-use character')
  return mark
}

/** The text of an answer's beginning behind a rendered prompt, written as the model would: a thought first, and closed where more follows. */
function beginning(
  begun: BegunAnswer | undefined,
  prompt: string,
  tags: ReasoningTags | undefined,
  guard: (text: string) => string,
): string {
  if (begun === undefined) return ''
  const { thought } = begun
  const content = guard(begun.content)
  const isOpen = tags !== undefined && endsInThought(prompt, tags)
  // A prompt that ends with a thought that is over leaves no room for another.
  if (tags === undefined || (!isOpen && (thought === '' || prompt.trimEnd().endsWith(tags.close))))
    return content
  const open = isOpen ? '' : `${tags.open}\n`
  return content === '' ? open + guard(thought) : `${open}${guard(thought)}\n${tags.close}\n\n${content}`
}

/** Whether a prompt that ends with the beginning of an answer leaves the model inside a thought. */
export function beginsInThought(
  { content, thought }: BegunAnswer,
  prompt: string,
  tags: ReasoningTags,
): boolean {
  if (content !== '') return false
  return thought === ''
    ? endsInThought(prompt, tags)
    : prompt.lastIndexOf(tags.open) > prompt.lastIndexOf(tags.close)
}

/** Each result has the id of the last call that had the same one. */
function withCallIds(
  messages: readonly ChatMessage[],
  callId: TemplateOptions['callId'],
): readonly ChatMessage[] {
  if (callId === undefined) return messages
  const ids = new Map<string, string>()
  return messages.map((message) => {
    const { tool_call_id: id, tool_calls: calls } = message
    const tool_calls = calls?.map((call, index) => ({
      ...call,
      id: callId(call.id, call.function.name, index),
    }))
    for (const [index, call] of (calls ?? []).entries()) ids.set(call.id, tool_calls?.[index]?.id ?? call.id)
    return {
      ...message,
      ...(id !== undefined && { tool_call_id: ids.get(id) ?? callId(id, 'unknown', 0) }),
      ...(tool_calls && { tool_calls }),
    }
  })
}

function render(
  { template, renderers }: TemplateOptions,
  variables: Readonly<Record<string, unknown>>,
): string {
  const reasons: string[] = []
  for (const renderer of renderers) {
    try {
      return renderer(template, variables)
    } catch (error) {
      if (error instanceof TemplateError) throw error
      reasons.push(error instanceof Error ? error.message : String(error))
    }
  }
  throw new TemplateError(reasons.join('; '))
}
