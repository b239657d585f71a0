import type { FastifyReply } from 'fastify'
import type { ServingError } from '../../errors.ts'
import type { Generation, GenerationEnd, ScoredPrompt } from '../../generation/generation.ts'
import type { ScoredToken } from '../../text/content-tokens.ts'
import type { OutputPart } from '../../text/output-parser.ts'
import { streamGenerations, withCancel } from '../generations.ts'
import { ClientGone, type EventStream, watchClient } from '../sse.ts'
import type { StreamOptions } from './common-fields.ts'
import type { Call } from './tool-calls.ts'
import { serverTiming, wireTimings, wireUsage } from './wire-timings.ts'

/** Hears of every error that a stream ended with. */
export type ErrorListener = (error: ServingError) => void

/** A choice that ran to its end. */
export interface Choice {
  readonly text: string
  /** What the text is made of, and the prompt's, where log probabilities are wanted. */
  readonly tokens: readonly ScoredToken[] | undefined
  readonly prompt: ScoredPrompt | undefined
  readonly reasoning: string
  readonly calls: readonly Call[]
  readonly end: GenerationEnd
}

/** Writes the chunks of one endpoint. */
export interface ChunkWriter {
  /** First chunk of a choice, before any text; undefined: none. */
  first(index: number): object | undefined
  /** Before any part, where the prompt's log probabilities are wanted. */
  prompt?(index: number, prompt: ScoredPrompt): object
  part(index: number, part: OutputPart): object
  finish(index: number, end: GenerationEnd): object
  /** A chunk with no choices, after all of them. */
  usage(ends: readonly GenerationEnd[]): object
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

/** Streams every choice as it comes. What fails before the first byte is an ordinary error; after it, an error event. */
export async function streamChoices(
  reply: FastifyReply,
  start: (signal: AbortSignal) => Promise<Generation[]>,
  chunks: ChunkWriter,
  tellUsage: StreamOptions['tellUsage'],
  onError: ErrorListener,
): Promise<void> {
  const withUsage = (chunk: object, { usage }: Generation): object => {
    if (tellUsage === undefined) return chunk
    return { ...chunk, usage: tellUsage === 'always' ? wireUsage([usage]) : null }
  }
  const write = async (generations: readonly Generation[], stream: EventStream): Promise<void> => {
    const ends = await Promise.all(
      generations.map((generation, index) =>
        pump(generation, index, chunks, (chunk) => stream.data(withUsage(chunk, generation)), stream),
      ),
    )
    const timings = ends[0] === undefined ? {} : { timings: wireTimings(ends[0].timings) }
    if (tellUsage !== undefined) await stream.data({ ...chunks.usage(ends), ...timings })
    await stream.done()
  }
  await streamGenerations(reply, start, write, async (stream, failure) => {
    onError(failure)
    await stream.fail(failure.body)
  })
}

async function pump(
  generation: Generation,
  index: number,
  chunks: ChunkWriter,
  send: (chunk: object) => Promise<void>,
  stream: EventStream,
): Promise<GenerationEnd> {
  const first = chunks.first(index)
  if (first !== undefined) await send(first)
  for await (const event of generation) {
    if (event.type === 'paused') stream.comment(event.why)
    else if (event.type === 'prompt') {
      const chunk = chunks.prompt?.(index, event)
      if (chunk !== undefined) await send(chunk)
    } else if (event.type !== 'end') await send(chunks.part(index, event))
    else {
      await send(chunks.finish(index, event))
      return event
    }
  }
  throw new ClientGone('the generation was cancelled')
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
