import type { FastifyReply } from 'fastify'
import type { ServingError } from '../../base/errors.ts'
import type { Generation, GenerationEnd } from '../../generation/generation.ts'
import { toServingError } from '../../http/error-answers.ts'
import { ClientGone, type EventStream, openStream, watchClient } from '../../http/sse.ts'
import type { OutputPart } from '../../text/output/output-parser.ts'

/** Called with the error that an answer ends with. */
export type ErrorListener = (error: ServingError) => void

/** Runs generations and streams them. Errors before the stream has begun are thrown; after that, `fail` writes them. */
export async function streamGenerations(
  reply: FastifyReply,
  start: (signal: AbortSignal) => Promise<Generation[]>,
  write: (generations: readonly Generation[], stream: EventStream) => Promise<void>,
  fail: (stream: EventStream, failure: ServingError) => Promise<void>,
): Promise<void> {
  const stream = openStream(reply)
  const generations = await start(stream.signal)
  try {
    await withCancel(generations, stream.signal, async () => {
      stream.open()
      await write(generations, stream)
    })
  } catch (error) {
    if (error instanceof ClientGone || stream.signal.aborted) return
    const failure = toServingError(error)
    reply.request.failure = failure.code
    await fail(stream, failure).catch(() => undefined)
  }
}

/** An event whose `type` is its name, too. */
export interface NamedEvent {
  readonly type: string
}

/** Writer of one generation in a protocol of named events. */
export interface EventWriter {
  /** Events at the start, before anything is known of the generation. */
  opening?(): Iterable<NamedEvent>
  /** Events when the generation runs, and the cached part of its prompt is known. */
  begin(generation: Generation): Iterable<NamedEvent>
  part(part: OutputPart): Iterable<NamedEvent>
  end(end: GenerationEnd): Iterable<NamedEvent>
  fail(error: ServingError): Iterable<NamedEvent>
  /** Events without a meaning, for any time: some clients give up when no event arrives for a while, and do not see comments. */
  keepAlive(): Iterable<NamedEvent>
}

export interface StreamSettings {
  readonly onError: ErrorListener
  /** Milliseconds of silence before the gateway sends the events of keepAlive(). */
  readonly keepAliveMs: number
}

type Send = (events: Iterable<NamedEvent>) => Promise<void>

/** Streams one generation as named events. */
export async function streamEvents(
  reply: FastifyReply,
  start: (signal: AbortSignal) => Promise<Generation[]>,
  writer: EventWriter,
  { onError, keepAliveMs }: StreamSettings,
): Promise<void> {
  const write = async ([generation]: readonly Generation[], stream: EventStream): Promise<void> => {
    const send = sendTo(stream)
    const keeper = keepAlive(keepAliveMs, () => send(writer.keepAlive()))
    try {
      await pump(
        generation,
        writer,
        (events) => keeper.during(send(events)),
        (why) => stream.comment(why),
      )
    } finally {
      keeper.stop()
    }
  }
  await streamGenerations(reply, start, write, async (stream, failure) => {
    onError(failure)
    await sendTo(stream)(writer.fail(failure))
  })
}

function sendTo(stream: EventStream): Send {
  return async (events) => {
    for (const event of events) await stream.event(event.type, event)
  }
}

/** Calls `speak` after each time of silence, never while something is being sent. */
function keepAlive(silenceMs: number, speak: () => Promise<void>) {
  let sending = 0
  const timer = setTimeout(() => {
    timer.refresh()
    // The next write of the generation notices a client that has left.
    if (sending === 0) speak().catch(() => undefined)
  }, silenceMs)
  timer.unref()
  return {
    during: async (sent: Promise<void>): Promise<void> => {
      sending++
      timer.refresh()
      try {
        await sent
      } finally {
        sending--
      }
    },
    stop: () => clearTimeout(timer),
  }
}

/** Runs one generation to its end, for writers that remember what they wrote. Rejects with ClientGone when the client leaves. */
export async function runEvents(
  reply: FastifyReply,
  start: (signal: AbortSignal) => Promise<Generation[]>,
  writer: EventWriter,
): Promise<void> {
  const { signal } = watchClient(reply)
  const drain: Send = async (events) => {
    for (const _ of events);
  }
  await withCancel(await start(signal), signal, ([generation]) =>
    pump(generation, writer, drain, () => undefined),
  )
}

async function pump(
  generation: Generation | undefined,
  writer: EventWriter,
  send: Send,
  onPause: (why: string) => void,
): Promise<void> {
  if (generation === undefined) return
  await send(writer.opening?.() ?? [])
  let begun = false
  for await (const event of generation) {
    if (event.type === 'paused') {
      onPause(event.why)
      continue
    }
    // No protocol of named events has log probabilities of the prompt.
    if (event.type === 'prompt') continue
    if (!begun) await send(writer.begin(generation))
    begun = true
    await send(event.type === 'end' ? writer.end(event) : writer.part(event))
    if (event.type === 'end') return
  }
  throw new ClientGone('the generation was cancelled')
}

/** Runs `work`, and cancels its generations when it ends, for whatever reason, or when the signal aborts. */
export async function withCancel<T>(
  generations: Generation[],
  signal: AbortSignal,
  work: (generations: Generation[]) => Promise<T>,
): Promise<T> {
  const cancelAll = (): void => {
    for (const generation of generations) generation.cancel()
  }
  if (signal.aborted) cancelAll()
  signal.addEventListener('abort', cancelAll, { once: true })
  try {
    return await work(generations)
  } finally {
    signal.removeEventListener('abort', cancelAll)
    cancelAll()
  }
}
