import type { ChatMessage } from './chat-message.ts'
import { TemplateError } from './chat-template.ts'

/** Turns that a template takes. What it does not take is folded into turns that it does. */
export interface TakenTurns {
  /** System messages anywhere, at the start only and as one, or none. */
  readonly system: 'anywhere' | 'first' | 'none'
  /** Two turns of one role in a row, and an answer that nothing comes before. */
  readonly anyOrder: boolean
  /** Answers of the model with neither text nor calls: what it thought and did not say. */
  readonly emptyAnswers: boolean
  /** Whether it takes a user's message right after the result of a call. */
  readonly userBehindResult: boolean
  /** Conversations in which the user says nothing. */
  readonly withoutUser: boolean
}

/** Turns of a template that refuses nothing. */
export const takesAll: TakenTurns = {
  system: 'anywhere',
  anyOrder: true,
  emptyAnswers: true,
  userBehindResult: true,
  withoutUser: true,
}

/** Turns that every template takes. */
const strictest: TakenTurns = {
  system: 'none',
  anyOrder: false,
  emptyAnswers: false,
  userBehindResult: false,
  withoutUser: false,
}

/**
 * Renders a conversation folded into the turns that the template is known to take, and, where it refuses them for a reason of its own,
 * into those that every template takes. @throws TemplateError where it refuses these, too.
 */
export function renderFolded<T>(
  messages: readonly ChatMessage[],
  takes: TakenTurns,
  render: (messages: readonly ChatMessage[]) => T,
): T {
  try {
    return render(foldChat(messages, takes))
  } catch (refusal) {
    if (!(refusal instanceof TemplateError)) throw refusal
    for (const system of ['first', 'none'] as const) {
      try {
        return render(foldChat(messages, { ...strictest, system }))
      } catch (error) {
        if (!(error instanceof TemplateError)) throw error
      }
    }
    throw refusal
  }
}

/**
 * A conversation in the turns that a template takes. A system message that it does not take becomes part of what the user says there, so
 * that all before it stays as it is, and stays cached.
 */
export function foldChat(messages: readonly ChatMessage[], takes: TakenTurns): ChatMessage[] {
  const folded = foldTurns(messages, takes)
  if (takes.withoutUser || folded.some(({ role }) => role === 'user')) return folded
  return foldTurns(messages, { ...takes, system: 'none' })
}

function foldTurns(messages: readonly ChatMessage[], takes: TakenTurns): ChatMessage[] {
  const turns = new Turns(takes)
  for (const message of messages) turns.add(message)
  return turns.messages
}

class Turns {
  readonly messages: ChatMessage[] = []
  readonly #takes: TakenTurns
  /** Whether nothing but system messages has come. */
  #atStart = true
  /** Whether the last message holds a system message that became the user's. */
  #hasSystem = false

  constructor(takes: TakenTurns) {
    this.#takes = takes
  }

  add(message: ChatMessage): void {
    switch (message.role) {
      case 'system':
        this.#system(message)
        return
      case 'user':
        this.#user(message, false)
        return
      case 'assistant':
        this.#assistant(message)
        return
      case 'tool':
        this.#push(message)
    }
  }

  #system(message: ChatMessage): void {
    const { system } = this.#takes
    if (system === 'anywhere') this.messages.push(message)
    else if (system === 'none' || !this.#atStart) this.#user({ role: 'user', content: message.content }, true)
    else if (this.messages.length === 0) this.messages.push(message)
    else this.#join(message)
  }

  #user(message: ChatMessage, isSystem: boolean): void {
    const { anyOrder, userBehindResult } = this.#takes
    const last = this.messages.at(-1)
    const joins = last?.role === 'user' && (!anyOrder || isSystem || this.#hasSystem)
    if (joins || (last?.role === 'tool' && !userBehindResult)) {
      this.#join(message)
      this.#hasSystem ||= isSystem
    } else {
      this.#push(message)
      this.#hasSystem = isSystem
    }
  }

  #assistant(message: ChatMessage): void {
    const { anyOrder, emptyAnswers } = this.#takes
    const isEmpty = message.content.trim() === '' && message.tool_calls === undefined
    if (isEmpty && !emptyAnswers) return
    // Calls are no turn to those that want turns, and some leave out a text beside them.
    if (!anyOrder && message.tool_calls === undefined && this.messages.at(-1)?.role === 'assistant') {
      this.#join(message)
      return
    }
    if (!anyOrder && this.#atStart) this.#push({ role: 'user', content: '' })
    this.#push(message)
  }

  #push(message: ChatMessage): void {
    this.#atStart = false
    this.#hasSystem = false
    this.messages.push(message)
  }

  #join(message: ChatMessage): void {
    const last = this.messages.at(-1)
    if (last !== undefined) this.messages[this.messages.length - 1] = joined(last, message)
  }
}

/** Two turns as one of the first one's role. */
function joined(first: ChatMessage, second: ChatMessage): ChatMessage {
  const { name, reasoning_content: thought, ...rest } = first
  const thoughts = texts(thought, second.reasoning_content)
  return {
    ...rest,
    content: texts(first.content, second.content),
    ...(name !== undefined && name === second.name && { name }),
    ...(thoughts !== '' && { reasoning_content: thoughts }),
  }
}

/** Concatenated, which copies neither text: the first may be thousands of turns long. */
function texts(first = '', second = ''): string {
  return first === '' || second === '' ? first + second : `${first}\n\n${second}`
}
