import type { FastifyReply } from 'fastify'
import type { Generation, GenerationEnd, ScoredPrompt } from '../../generation/generation.ts'
import { ClientGone, type EventStream } from '../../http/sse.ts'
import type { OutputPart } from '../../text/output/output-parser.ts'
import type { StreamOptions } from '../chat/common-fields.ts'
import { type ErrorListener, streamGenerations } from '../chat/generations.ts'
import { wireTimings, wireUsage } from '../chat/wire-timings.ts'

/** Writer of the chunks of one endpoint. */
export interface ChunkWriter {
  /** First chunk of a choice, before any text; undefined: none. */
  first(index: number): object | undefined
  /** Chunk with the prompt's log probabilities, before any part; absent where the endpoint has none. */
  prompt?(index: number, prompt: ScoredPrompt): object
  part(index: number, part: OutputPart): object
  finish(index: number, end: GenerationEnd): object
  /** A chunk with no choices, after all of them. */
  usage(ends: readonly GenerationEnd[]): object
}

/** Streams every choice as it comes. An error before the first byte is an ordinary one; after it, an error event. */
export async function streamChoices(
  reply: FastifyReply,
  start: (signal: AbortSignal) => Promise<Generation[]>,
  chunks: ChunkWriter,
  reportUsage: StreamOptions['reportUsage'],
  onError: ErrorListener,
): Promise<void> {
  const withUsage = (chunk: object, { usage }: Generation): object => {
    if (reportUsage === undefined) return chunk
    return { ...chunk, usage: reportUsage === 'always' ? wireUsage([usage]) : null }
  }
  const write = async (generations: readonly Generation[], stream: EventStream): Promise<void> => {
    const ends = await Promise.all(
      generations.map((generation, index) =>
        pump(generation, index, chunks, (chunk) => stream.data(withUsage(chunk, generation)), stream),
      ),
    )
    const timings = ends[0] === undefined ? {} : { timings: wireTimings(ends[0].timings) }
    if (reportUsage !== undefined) await stream.data({ ...chunks.usage(ends), ...timings })
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
