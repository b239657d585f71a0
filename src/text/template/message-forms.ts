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
  const withArguments = { ...usualForms, arguments: argumentsForm(trial) }
  const forms = { ...withArguments, thought: thoughtForm(trial, withArguments) }
  return { ...forms, severalCalls: takesSeveralCalls(trial, forms) }
}

function argumentsForm(trial: Trial): MessageForms['arguments'] {
  const conversation = [user, calls(call(1)), result(1)]
  const objects = trial(conversation, usualForms) ?? ''
  if (objects.includes(KEY) && objects.includes('value1') && !objects.includes(`'${KEY}'`)) return 'object'
  const texts = trial(conversation, { ...usualForms, arguments: 'text' })
  return texts?.includes(call(1).function.arguments) === true ? 'text' : 'object'
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
