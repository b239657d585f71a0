import { ServingError } from '../../base/errors.ts'
import type { ChatMessage, ChatToolCall } from '../../text/template/chat-message.ts'
import { MAX_NAME } from '../chat/names.ts'
import { OpenCalls } from '../chat/open-calls.ts'
import { resultPart, type StandIn } from '../chat/result-content.ts'
import { invalidValue, unsupported } from '../contract/failures.ts'
import { ignored, required, silent } from '../contract/fates.ts'
import { at, type Field, type Read } from '../contract/field.ts'
import type { Fields } from '../contract/fields.ts'
import { mapped, oneOf, string } from '../contract/kinds.ts'
import { full, type Item, item, list, type Tagged, tagged, taggedOr, textOr } from '../contract/objects.ts'
import {
  calledFunction,
  type ForeignItem,
  foreignItem,
  isCall,
  isForeign,
  outcomeOf,
} from './foreign-items.ts'
import { joinedName } from './tools.ts'

const MAX_ITEMS = 10_000
const ROLES = ['user', 'assistant', 'system', 'developer'] as const

const text = required(string())
const hints = { prompt_cache_breakpoint: ignored(), annotations: silent, logprobs: silent }
const partKinds = {
  input_text: { ...hints, text },
  output_text: { ...hints, text },
  text: { ...hints, text },
  refusal: { ...hints, refusal: text },
}
const part = tagged('type', partKinds, { unknown: unsupportedContent, anyTag: true })

/** OpenAI: a string, or parts, which are joined. */
function contentOf(part: Item<Part>): Field<string | undefined> {
  return mapped(textOr(list(part, MAX_ITEMS), 'a string or an array of content parts'), (said) =>
    typeof said === 'string'
      ? said
      : said.map((part) => (part.type === 'refusal' ? part.refusal : part.text)).join(''),
  )
}
type Part = Tagged<'type', typeof partKinds> | StandIn

const content = contentOf(part)

const common = { id: silent, status: silent }
const callId = required(string(256))
const called = { ...common, name: required(string(MAX_NAME)), call_id: callId, namespace: string(MAX_NAME) }
const output = { ...common, call_id: callId, output: required(contentOf(resultPart(partKinds))) }

/** OpenAI: an item of a conversation. */
export const inputItem = taggedOr(
  'type',
  {
    message: { ...common, role: required(oneOf(ROLES)), phase: silent, content: required(content) },
    // This server's own thoughts come back in the clear; those of other servers are encrypted, and of no use here.
    reasoning: {
      ...common,
      summary: silent,
      encrypted_content: silent,
      content: list(item({ type: silent, text }), MAX_ITEMS),
    },
    function_call: { arguments: text, ...called },
    custom_tool_call: { input: text, ...called },
    function_call_output: output,
    custom_tool_call_output: output,
  },
  otherItem,
  'message',
)
type InputItem = ReturnType<(typeof inputItem)['read']>

const input = textOr(full(list(inputItem, MAX_ITEMS)), 'a string or an array of items')

export const inputFields = { instructions: string(), input: required(input) }

/** OpenAI: `instructions` and `input`, as chat templates read them. @throws ServingError for anything that would be lost. */
export function inputMessages({ instructions, input }: Read<typeof inputFields>): ChatMessage[] {
  const conversation = new Conversation()
  if (instructions !== undefined) conversation.add('system', instructions)
  if (typeof input === 'string') conversation.add('user', input)
  else {
    const answered = new Set(input.flatMap((item) => outputOf(item) ?? []))
    for (const item of input) takeItem(item, conversation, answered)
  }
  return conversation.whole()
}

/** Conversation that items are collected into. Successive items of the model become one message, and so do instructions at the start. */
class Conversation {
  readonly messages: ChatMessage[] = []
  readonly #calls = new OpenCalls()

  /** Messages of the whole conversation. OpenAI: each call has its output, which need not follow at once. @throws ServingError. */
  whole(): ChatMessage[] {
    this.#calls.check(([id]) => `No tool output found for function call ${id}.`)
    return this.messages
  }

  add(role: 'user' | 'system', content: string): void {
    const last = this.messages.at(-1)
    if (role === 'system' && this.messages.length === 1 && last?.role === 'system') {
      this.messages[0] = { role, content: `${last.content}\n\n${content}` }
    } else this.messages.push({ role, content })
  }

  said(content: string): void {
    const last = this.#assistant()
    this.#replace({ ...last, content: last.content === '' ? content : `${last.content}\n${content}` })
  }

  thought(text: string): void {
    const last = this.#assistant()
    const before = last.reasoning_content
    this.#replace({ ...last, reasoning_content: before === undefined ? text : `${before}\n${text}` })
  }

  called(call: ChatToolCall, path: string): void {
    if (!this.tryCalled(call, path)) throw invalidValue(path, 'another call has this id.')
  }

  /** False where another call that is open has its id. */
  tryCalled(call: ChatToolCall, path: string): boolean {
    if (!this.#calls.open(call.id, path)) return false
    const last = this.#assistant()
    this.#replace({ ...last, tool_calls: [...(last.tool_calls ?? []), call] })
    return true
  }

  answered(id: string, content: string, path: string): void {
    if (!this.tryAnswered(id, content)) throw invalidValue(path, 'no preceding call has this id.')
  }

  /** False where no call that is open has this id. */
  tryAnswered(id: string, content: string): boolean {
    if (!this.#calls.close(id)) return false
    this.messages.push({ role: 'tool', tool_call_id: id, content })
    return true
  }

  #assistant(): ChatMessage {
    const last = this.messages.at(-1)
    if (last?.role === 'assistant') return last
    const begun: ChatMessage = { role: 'assistant', content: '' }
    this.messages.push(begun)
    return begun
  }

  #replace(message: ChatMessage): void {
    this.messages[this.messages.length - 1] = message
  }
}

/** The id of the call that an item answers. */
function outputOf(item: InputItem): string | undefined {
  if (item.type === 'function_call_output' || item.type === 'custom_tool_call_output') return item.call_id
  return item.type === 'foreign' && !isCall(item) ? item.callId : undefined
}

/** @param answered ids of the calls that have an output. */
function takeItem(item: InputItem, conversation: Conversation, answered: ReadonlySet<string>): void {
  switch (item.type) {
    case 'message': {
      const { role, content } = item
      if (role === 'assistant') conversation.said(content)
      else conversation.add(role === 'developer' ? 'system' : role, content)
      return
    }
    case 'reasoning': {
      const { content = [] } = item
      if (content.length > 0) conversation.thought(content.map(({ text }) => text).join(''))
      return
    }
    case 'function_call':
    case 'custom_tool_call':
      conversation.called(callOf(item), item[at].pathOf('call_id'))
      return
    case 'function_call_output':
    case 'custom_tool_call_output':
      conversation.answered(item.call_id, item.output, item[at].pathOf('call_id'))
      return
    case 'foreign':
      if (!takeForeign(item, conversation, answered)) item.ignore()
      return
  }
}

/** Takes what of another's tool can be a call of a function, and its output. Returns false where it is neither. */
function takeForeign(item: ForeignItem, conversation: Conversation, answered: ReadonlySet<string>): boolean {
  const { callId: id } = item
  if (id === undefined) return false
  const outcome = outcomeOf(item)
  if (!isCall(item)) return outcome !== undefined && conversation.tryAnswered(id, outcome)
  const isWhole = outcome !== undefined
  if (!isWhole && !answered.has(id)) return false
  const isTaken = conversation.tryCalled({ id, type: 'function', function: calledFunction(item) }, item.kind)
  return isTaken && (!isWhole || conversation.tryAnswered(id, outcome))
}

function callOf(item: Extract<InputItem, { type: 'function_call' | 'custom_tool_call' }>): ChatToolCall {
  const name = joinedName(item.namespace, item.name)
  const text = item.type === 'function_call' ? item.arguments : JSON.stringify({ input: item.input })
  return { id: item.call_id, type: 'function', function: { name, arguments: text } }
}

/** @throws ServingError for what is of no tool. */
function otherItem(item: Fields, kind: string): ForeignItem {
  if (isForeign(kind)) return foreignItem(item, kind)
  if (kind !== 'item_reference') throw unsupportedContent(item)
  throw unsupported(item.pathOf('type'), 'Nothing is kept between requests: send the item itself.')
}

function unsupportedContent(fields: Fields): ServingError {
  const param = fields.pathOf('type')
  return new ServingError(
    'unsupported_content',
    `Invalid '${param}': what has this type cannot be read here.`,
    {
      param,
    },
  )
}
