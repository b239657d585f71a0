import { Readable } from 'node:stream'
import { setImmediate as others } from 'node:timers/promises'
import type { FastifyReply } from 'fastify'

/** Items of a list that are made in one go: about a millisecond. */
export const SLICE = 2048

/**
 * Sends JSON that is made slice by slice, as fast as the client reads: between two slices others have the event loop, and what has
 * not been sent takes no memory. Who stops reading for `stallMs` is cut off, as a reader of a stream is.
 * @param length items in it: few are sent in one piece.
 */
export function sendSlices(reply: FastifyReply, slices: Iterable<string>, length: number): FastifyReply {
  reply.type('application/json; charset=utf-8')
  return reply.send(length <= SLICE ? [...slices].join('') : Readable.from(paced(reply, slices)))
}

async function* paced(reply: FastifyReply, slices: Iterable<string>): AsyncGenerator<string> {
  for (const slice of slices) {
    const timer = setTimeout(() => {
      reply.request.stalled = true
      reply.raw.destroy()
    }, reply.server.stallMs)
    try {
      yield slice
    } finally {
      clearTimeout(timer)
    }
    await others()
  }
}

/** A JSON array of numbers. */
export function* numberSlices(numbers: Uint32Array): Generator<string> {
  yield* arraySlices(numbers, (some) => some.join(','))
}

/** A JSON array. @param write the items of a part of it, with commas between them. */
export function* arraySlices(items: Uint32Array, write: (some: Uint32Array) => string): Generator<string> {
  yield '['
  for (let at = 0; at < items.length; at += SLICE)
    yield `${at === 0 ? '' : ','}${write(items.subarray(at, at + SLICE))}`
  yield ']'
}
