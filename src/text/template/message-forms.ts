import type { ChatMessage, ChatToolCall } from './chat-message.ts'
import { type MessageForms, usualForms } from './template-message.ts'

/** Renders a conversation in these forms, with thinking switched on where it says so; undefined where the template does not take it. */
export type Trial = (
  messages: readonly ChatMessage[],
  forms: MessageForms,
  thinks?: boolean,
) => string | undefined

const NAME = 'altiplano_probe'
const KEY = 'probe_key'
const THOUGHT = 'altiplano probes thoughts'
const thoughtForms = ['reasoning_content', 'reasoning', 'thinking', 'parts'] as const

const call = (number: number): ChatToolCall => ({
  // Nine letters and digits, as Mistral's templates want it.
  id: `probeid0${number}`,
  type: 'function',
  function: { name: NAME, arguments: JSON.stringify({ [KEY]: `value${number}` }) },
})
const result = (number: number): ChatMessage => ({
  role: 'tool',
  tool_call_id: `probeid0${number}`,
  content: `result${number}`,
})
const user: ChatMessage = { role: 'user', content: 'Hello' }
const calls = (...all: ChatToolCall[]): ChatMessage => ({ role: 'assistant', content: '', tool_calls: all })

/** The forms that a template takes, found out by rendering short conversations: what does not fit is refused, left out, or written as Python would. */
export function messageForms(trial: Trial): MessageForms {
  const callsBesideText = callForms(trial, 'Hi').calls
  const withCalls = { ...usualForms, ...callForms(trial, ''), callsBesideText }
  const forms = { ...withCalls, thought: thoughtForm(trial, withCalls) }
  return { ...forms, severalCalls: takesSeveralCalls(trial, forms) }
}

/** The forms in which the template shows a call beside this text. */
function callForms(trial: Trial, said: string): Pick<MessageForms, 'calls' | 'arguments'> {
  const written = (forms: Pick<MessageForms, 'calls' | 'arguments'>): string =>
    trial([user, { ...calls(call(1)), content: said }, result(1)], {
      ...usualForms,
      callsBesideText: forms.calls,
      ...forms,
    }) ?? ''
  const usual = { calls: 'field', arguments: 'object' } as const
  const object = written(usual)
  if (object.includes(KEY) && object.includes('value1') && !object.includes(`'${KEY}'`)) return usual
  const others = [
    { calls: 'field', arguments: 'text' },
    { calls: 'content', arguments: 'text' },
  ] as const
  // In the content they may be Python's keywords.
  return others.find((forms) => /probe_key("\s*:|=)\s*"value1"/.test(written(forms))) ?? usual
}

function thoughtForm(trial: Trial, forms: MessageForms): MessageForms['thought'] {
  const answered: ChatMessage = { role: 'assistant', content: 'Hi', reasoning_content: THOUGHT }
  // Most templates keep only the thoughts of the turn that goes on.
  const conversations = [
    [user, { ...calls(call(1)), reasoning_content: THOUGHT }, result(1)],
    [user, answered, user],
  ]
  // A template that knows nothing of parts writes them out as a list.
  const holdsThought = (text = ''): boolean => text.includes(THOUGHT) && !/['"]thinking['"]:/.test(text)
  const isKept = (thought: MessageForms['thought']): boolean =>
    [false, true].some((thinks) =>
      conversations.some((one) => holdsThought(trial(one, { ...forms, thought }, thinks))),
    )
  return thoughtForms.find(isKept) ?? usualForms.thought
}

/** Whether a message may hold several calls; also where no other way is better. */
function takesSeveralCalls(trial: Trial, forms: MessageForms): boolean {
  const isWhole = (text = ''): boolean =>
    ['value1', 'result1', 'value2', 'result2'].every((part) => text.includes(part))
  return (
    isWhole(trial([user, calls(call(1), call(2)), result(1), result(2)], forms)) ||
    !isWhole(trial([user, calls(call(1)), result(1), calls(call(2)), result(2)], forms))
  )
}
