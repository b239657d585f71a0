import { endsInThought, type ReasoningTags } from '../scan/reasoning.ts'
import type { ChatMessage, ChatTool } from './chat-message.ts'
import { type ControlTokenGuard, mapStrings, unusedMark } from './control-tokens.ts'

/** Renders a Jinja template with variables. @throws the error of the template or of the Jinja engine. */
export type Renderer = (template: string, variables: Readonly<Record<string, unknown>>) => string

export interface TemplateOptions {
  readonly template: string
  readonly bos: string
  readonly eos: string
  /** Guards for control tokens, and, for text that only users write, for markup tokens too. */
  readonly guard: ControlTokenGuard
  readonly strictGuard: ControlTokenGuard
  /** Turns ids of calls into such as the template takes; absent: it takes any. */
  readonly callId?: (id: string) => string
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
}

export interface BegunAnswer {
  readonly content: string
  readonly thought: string
}

/** Refusal of messages by a template: its own raise_exception, or no engine can render it. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError'
}

/**
 * The prompt of a chat, in pieces that are to be tokenized one by one: control tokens that clients wrote are cut
 * at the borders, those of the template are whole.
 */
export function renderChat(input: ChatInput, options: TemplateOptions): string[] {
  const texts: string[] = []
  mapStrings(input, (text) => {
    texts.push(text)
    return text
  })
  const mark = unusedMark(texts)
  if (mark === undefined) throw new TemplateError('the messages hold every private-use character')
  const all = (text: string): string => options.strictGuard.guard(text, mark)
  // Templates cut an assistant's text at </think>: there only what is a control token for certain is guarded.
  const own = (text: string): string => options.guard.guard(text, mark)
  const variables = {
    messages: input.messages.map((message) =>
      guardMessage(withCallIds(message, options.callId), message.role === 'assistant' ? own : all),
    ),
    ...(input.tools.length === 0 ? {} : { tools: mapStrings(input.tools, all) }),
    ...(mapStrings(input.kwargs, all) as object),
    add_generation_prompt: true,
    bos_token: options.bos,
    eos_token: options.eos,
  }
  const prompt = render(options, variables)
  return (prompt + beginning(input.begun, prompt, options.reasoning, own)).split(mark)
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

function withCallIds(message: ChatMessage, callId: TemplateOptions['callId']): ChatMessage {
  if (callId === undefined) return message
  const { tool_call_id: id, tool_calls: calls } = message
  return {
    ...message,
    ...(id !== undefined && { tool_call_id: callId(id) }),
    ...(calls && { tool_calls: calls.map((call) => ({ ...call, id: callId(call.id) })) }),
  }
}

function guardMessage(message: ChatMessage, guard: (text: string) => string): object {
  const { role, tool_calls: calls, ...rest } = message
  const guarded = mapStrings(rest, guard) as object
  if (calls === undefined) return { role, ...guarded }
  return {
    role,
    ...guarded,
    tool_calls: calls.map(({ id, type, function: { name, arguments: text } }) => ({
      id: guard(id),
      type,
      function: { name: guard(name), arguments: mapStrings(parsedArguments(text), guard) },
    })),
  }
}

/** The arguments of a call as the object that templates want; the text where it is none. */
function parsedArguments(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : text
  } catch {
    return text
  }
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
      reasons.push(error instanceof Error ? error.message : String(error))
    }
  }
  throw new TemplateError(reasons.join('; '))
}
