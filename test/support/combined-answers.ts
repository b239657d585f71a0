import type OpenAI from 'openai'
import { chunksOf } from './http.ts'

/** What a chat or a completion said, streamed or not, in one shape. */
export interface Answer {
  readonly choices: Choice[]
  readonly usage: OpenAI.CompletionUsage | undefined
}

export interface Choice {
  text: string
  reasoning: string
  readonly calls: { id: string; name: string; arguments: string }[]
  /** Texts of the tokens; undefined: no log probabilities were told, or of no token. */
  tokens: string[] | undefined
  finish: string | null
}

interface WireChoice {
  readonly index: number
  readonly text?: string
  readonly message?: WireDelta
  readonly delta?: WireDelta
  readonly logprobs: {
    content?: { token: string; bytes: number[] | null }[] | null
    tokens?: string[]
  } | null
  readonly finish_reason: string | null
}
interface WireDelta {
  readonly content?: string | null
  readonly reasoning_content?: string
  readonly tool_calls?: { index?: number; id?: string; function: { name?: string; arguments?: string } }[]
}
interface WirePart {
  readonly choices: WireChoice[]
  readonly usage?: OpenAI.CompletionUsage | null
}

/** Reads an answer to its end. @throws Error where it is no 200. */
export async function readAnswer(response: Response): Promise<Answer> {
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`)
  const streamed = response.headers.get('content-type')?.startsWith('text/event-stream') === true
  const parts = streamed ? await chunksOf<WirePart>(response) : [(await response.json()) as WirePart]
  const choices: Choice[] = []
  let usage: OpenAI.CompletionUsage | undefined
  for (const part of parts) {
    for (const wire of part.choices) {
      choices[wire.index] ??= { text: '', reasoning: '', calls: [], tokens: undefined, finish: null }
      hear(choices[wire.index] as Choice, wire)
    }
    usage = part.usage ?? usage
  }
  return { choices, usage }
}

function hear(choice: Choice, { text, message, delta, logprobs, finish_reason }: WireChoice): void {
  const said = message ?? delta
  choice.text += text ?? said?.content ?? ''
  choice.reasoning += said?.reasoning_content ?? ''
  for (const [place, { index = place, id, function: called }] of (said?.tool_calls ?? []).entries()) {
    choice.calls[index] ??= { id: id ?? '', name: '', arguments: '' }
    const call = choice.calls[index] as Choice['calls'][number]
    call.name += called.name ?? ''
    call.arguments += called.arguments ?? ''
  }
  const tokens = logprobs?.tokens ?? logprobs?.content?.map(({ token }) => token)
  // A stream without content has no place for an empty list.
  if (tokens?.length) choice.tokens = [...(choice.tokens ?? []), ...tokens]
  choice.finish = finish_reason ?? choice.finish
}
