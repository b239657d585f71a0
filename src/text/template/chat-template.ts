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
  readonly callId?: (id: string, name: string, index: number) => string
  /** Makes an argument of a call such as the template takes; absent: it takes any. */
  readonly argument?: (value: unknown) => unknown
  /** Puts variables into the template's own words. Default: they are common. */
  readonly ownWords?: (kwargs: ChatInput['kwargs']) => ChatInput['kwargs']
  /** Jinja engines, tried in order until one renders. */
  readonly renderers: readonly Renderer[]
}

export interface ChatInput {
  readonly messages: readonly ChatMessage[]
  readonly tools: readonly ChatTool[]
  readonly kwargs: Readonly<Record<string, unknown>>
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
    messages: withCallIds(input.messages, options.callId).map((message) =>
      guardMessage(message, message.role === 'assistant' ? own : all, options.argument),
    ),
    ...(input.tools.length === 0 ? {} : { tools: mapStrings(input.tools, all) }),
    ...(mapStrings(options.ownWords?.(input.kwargs) ?? input.kwargs, all) as object),
    add_generation_prompt: true,
    bos_token: options.bos,
    eos_token: options.eos,
  }
  return render(options, variables).split(mark)
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

function guardMessage(
  message: ChatMessage,
  guard: (text: string) => string,
  argument: TemplateOptions['argument'],
): object {
  const { role, tool_calls: calls, ...rest } = message
  const guarded = mapStrings(rest, guard) as object
  if (calls === undefined) return { role, ...guarded }
  return {
    role,
    ...guarded,
    tool_calls: calls.map(({ id, type, function: { name, arguments: text } }) => ({
      id: guard(id),
      type,
      function: { name: guard(name), arguments: mapStrings(parsedArguments(text, argument), guard) },
    })),
  }
}

/** The arguments of a call as the object that templates want; the text where it is none. */
function parsedArguments(text: string, argument: TemplateOptions['argument']): unknown {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return text
    if (argument === undefined) return value
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, argument(one)]))
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
