import type { FastifyReply } from 'fastify'
import type { Generation, GenerationEnd, ScoredPrompt } from '../../generation/generation.ts'
import { ClientGone, watchClient } from '../../http/sse.ts'
import type { ScoredToken } from '../../text/output/content-tokens.ts'
import { withCancel } from './generations.ts'
import type { Call } from './tool-calls.ts'
import { serverTiming } from './wire-timings.ts'

/** A choice that ran to its end. */
export interface Choice {
  readonly text: string
  /** Tokens of the text, where log probabilities are wanted. */
  readonly tokens: readonly ScoredToken[] | undefined
  readonly prompt: ScoredPrompt | undefined
  readonly reasoning: string
  readonly calls: readonly Call[]
  readonly end: GenerationEnd
}

/** Runs every choice to its end. Rejects with ClientGone when the client leaves. */
export async function collectChoices(
  reply: FastifyReply,
  start: (signal: AbortSignal) => Promise<Generation[]>,
): Promise<Choice[]> {
  const { signal } = watchClient(reply)
  const choices = await withCancel(await start(signal), signal, (all) => Promise.all(all.map(collect)))
  const [first] = choices
  if (first !== undefined && !reply.raw.headersSent)
    reply.header('server-timing', serverTiming(first.end.timings))
  return choices
}

async function collect(generation: Generation): Promise<Choice> {
  const text = { text: '', reasoning: '' }
  const tokens: ScoredToken[] = []
  let prompt: ScoredPrompt | undefined
  const calls: { name: string; arguments: string }[] = []
  for await (const event of generation) {
    if (event.type === 'end') {
      return { ...text, tokens: event.logprobs && tokens, prompt, calls, end: event }
    }
    if (event.type === 'text') tokens.push(...(event.tokens ?? []))
    if (event.type === 'prompt') prompt = event
    else if (event.type === 'call') calls.push({ name: event.name, arguments: '' })
    else if (event.type === 'text' || event.type === 'reasoning') text[event.type] += event.text
    else if (event.type === 'arguments') {
      const call = calls[event.call]
      if (call !== undefined) call.arguments += event.text
    }
  }
  throw new ClientGone('the generation was cancelled')
}
