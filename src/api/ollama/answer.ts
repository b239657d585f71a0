import type { ServingError } from '../../base/errors.ts'
import type { GenerationEnd } from '../../generation/generation.ts'
import type { ScoredToken } from '../../text/output/content-tokens.ts'
import type { OutputPart } from '../../text/output/output-parser.ts'
import type { Choice } from '../chat/collect.ts'
import type { EventWriter } from '../chat/generations.ts'
import { type Call, newCallId } from '../chat/tool-calls.ts'
import { wireTokens } from '../chat/wire-tokens.ts'
import type { ReadyModel } from '../serving.ts'
import { wireError } from './errors.ts'

const NS_PER_MS = 1e6

/** Parts of an answer, or of a piece of one. */
interface Said {
  readonly text?: string
  readonly thought?: string
  readonly calls?: readonly Call[]
  /** Number of the first of the calls in its answer. */
  readonly firstCall?: number
}

/** Form of what is said on one of the endpoints. */
type Form = (said: Said) => object

/** Ollama: /api/chat. */
export const asMessage: Form = ({ text = '', thought = '', calls = [], firstCall = 0 }) => ({
  message: {
    role: 'assistant',
    content: text,
    ...(thought !== '' && { thinking: thought }),
    ...(calls.length > 0 && { tool_calls: calls.map((call, index) => wireCall(call, firstCall + index)) }),
  },
})

/** Ollama: /api/generate, where no tools are offered. */
export const asResponse: Form = ({ text = '', thought = '' }) => ({
  response: text,
  ...(thought !== '' && { thinking: thought }),
})

/** Writer of the answers of one endpoint, whole and in lines. */
export class AnswerWriter implements EventWriter<object> {
  readonly #model: string
  readonly #form: Form
  readonly #ready: ReadyModel
  readonly #startedAt = performance.now()
  /** The call whose arguments still come. */
  #call: { name: string; arguments: string } | undefined
  #calls = 0

  constructor(model: string, form: Form, ready: ReadyModel) {
    this.#model = model
    this.#form = form
    this.#ready = ready
  }

  /** Answer of a request that only asks for the model to be loaded. */
  loaded(): object {
    return { ...this.#head(), ...this.#form({}), done: true, done_reason: 'load' }
  }

  whole({ text, reasoning, calls, tokens, end }: Choice): object {
    const { readable, rest } = sorted(calls)
    const said = this.#form({ text: text + rest, thought: reasoning, calls: readable })
    return { ...this.#head(), ...said, ...this.#logprobs(tokens), ...this.#end(end) }
  }

  *begin(): Iterable<object> {}

  *part(part: OutputPart): Iterable<object> {
    if (part.type === 'arguments') {
      if (this.#call !== undefined) this.#call.arguments += part.text
      return
    }
    yield* this.#endCall()
    if (part.type === 'call') this.#call = { name: part.name, arguments: '' }
    else if (part.type === 'reasoning') yield this.#line({ thought: part.text })
    else yield { ...this.#line({ text: part.text }), ...this.#logprobs(part.tokens) }
  }

  *end(end: GenerationEnd): Iterable<object> {
    yield* this.#endCall()
    yield { ...this.#head(), ...this.#form({}), ...this.#end(end) }
  }

  *fail(error: ServingError): Iterable<object> {
    yield wireError(error)
  }

  *keepAlive(): Iterable<object> {}

  *#endCall(): Iterable<object> {
    if (this.#call === undefined) return
    const { readable, rest } = sorted([this.#call])
    this.#call = undefined
    yield this.#line({ text: rest, calls: readable, firstCall: this.#calls })
    this.#calls += readable.length
  }

  #line(said: Said): object {
    return { ...this.#head(), ...this.#form(said), done: false }
  }

  #head(): object {
    return { model: this.#model, created_at: new Date().toISOString() }
  }

  #logprobs(tokens: readonly ScoredToken[] | undefined): object {
    return tokens === undefined ? {} : { logprobs: wireTokens(tokens, this.#ready.vocabulary) }
  }

  #end({ reason, usage, timings }: GenerationEnd): object {
    return {
      done: true,
      done_reason: reason,
      total_duration: nanoseconds(performance.now() - this.#startedAt),
      load_duration: 0,
      prompt_eval_count: usage.promptTokens,
      prompt_eval_duration: nanoseconds(timings.prefillMs),
      eval_count: usage.completionTokens,
      eval_duration: nanoseconds(timings.decodeMs),
    }
  }
}

export function nanoseconds(ms: number): number {
  return Math.round(ms * NS_PER_MS)
}

/** Ollama: arguments of a call are an object. A call with others, as one that was cut off, becomes text, so that it is not lost. */
function sorted(calls: readonly Call[]): { readonly readable: readonly Call[]; readonly rest: string } {
  const readable = calls.filter((call) => argumentsOf(call) !== undefined)
  const rest = calls.filter((call) => !readable.includes(call))
  return { readable, rest: rest.map((call) => JSON.stringify(call)).join('\n') }
}

function wireCall(call: Call, index: number): object {
  return { id: newCallId(), function: { index, name: call.name, arguments: argumentsOf(call) ?? {} } }
}

function argumentsOf({ arguments: text }: Call): object | undefined {
  if (text.trim() === '') return {}
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}
