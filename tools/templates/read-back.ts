import { OutputParser } from '../../src/text/output/output-parser.ts'
import type { ChatMessage } from '../../src/text/template/chat-message.ts'
import { TemplateError } from '../../src/text/template/chat-template.ts'
import type { ModelTemplate } from '../../src/text/template/model-template.ts'
import { calls, conversations } from './conversations.ts'

const CONTENT = 'Rain in the north.'

/** Whether the calls that a template writes into a conversation are read out of that text again, names and arguments. */
export function readsItsCalls(template: ModelTemplate): boolean {
  const { messages, tools, kwargs } = conversations['two calls']
  const question = messages.slice(0, 1)
  // Templates that take one call a turn have it read alone.
  const written = template.forms.severalCalls ? calls : calls.slice(0, 1)
  // Some write the last turn in another way than the model does, and some want a result right after a call.
  return [[], [{ role: 'user', content: 'And then?' } as const]].some((later) => {
    const rendered = (said: ChatMessage): string =>
      template.render({ messages: [...question, said, ...later], tools, kwargs }).join('')
    try {
      const turn = rendered({ role: 'assistant', content: '', tool_calls: written })
      const plain = rendered({ role: 'assistant', content: CONTENT })
      return isReadBetween(template, turn, plain.split(CONTENT), written.length)
    } catch (error) {
      if (error instanceof TemplateError) return false
      throw error
    }
  })
}

/** @param around text of the same conversation before and after what the model says. */
function isReadBetween(
  template: ModelTemplate,
  turn: string,
  [beginning = '', ending = '']: readonly string[],
  count: number,
): boolean {
  const text = turn.slice(commonStart(beginning, turn), turn.length - commonEnd(turn, ending))
  // The answer ends with a tag that ends the turn, behind which the prompt goes on.
  const ends = [...text.matchAll(/</g)].map(({ index }) => index)
  return [text.length, ...ends].some((end) => isRead(template, text.slice(0, end), count))
}

function isRead(template: ModelTemplate, text: string, count: number): boolean {
  const { toolFormat } = template.abilities
  const parser = new OutputParser({
    tools: {
      format: toolFormat,
      offered: new Map(
        conversations['two calls'].tools.map(({ function: { name, parameters } }) => [name, parameters]),
      ),
      single: false,
    },
  })
  const read: { name: string; arguments: string }[] = []
  for (const part of [...parser.push(text), ...parser.flush()]) {
    const last = read.at(-1)
    if (part.type === 'call') read.push({ name: part.name, arguments: '' })
    else if (part.type === 'arguments' && last) last.arguments += part.text
  }
  const wanted = calls.slice(0, count).map(({ function: call }) => canonical(call))
  return JSON.stringify(read.map(canonical)) === JSON.stringify(wanted)
}

function canonical({ name, arguments: text }: { name: string; arguments: string }): unknown {
  try {
    return [name, Object.entries(JSON.parse(text) as object).sort()]
  } catch {
    return [name, text]
  }
}

/** Characters that two texts begin with, without a tag that only begins alike. */
function commonStart(a: string, b: string): number {
  let length = 0
  while (length < a.length && a[length] === b[length]) length++
  return a.slice(0, length).replace(/<[^<>\s]*$/, '').length
}

function commonEnd(a: string, b: string): number {
  let length = 0
  while (length < b.length && length < a.length && a[a.length - 1 - length] === b[b.length - 1 - length])
    length++
  return length
}
