import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import type { FastifyReply } from 'fastify'
import { whenAwakeFor } from '../base/awake-clock.ts'

/** Items of a list that are made in one go: less than a millisecond. */
export const SLICE = 4096

/**
 * Sends JSON that is made slice by slice, as fast as the client reads: between two slices, be they of different answers, others
 * have the event loop, and what has not been sent takes no memory. Who stops reading for `stallMs` is cut off, as a reader of a stream is.
 * @param length items in it: few are sent in one piece.
 */
export function sendSlices(reply: FastifyReply, slices: Iterable<string>, length: number): FastifyReply {
  reply.type('application/json; charset=utf-8')
  return reply.send(length <= SLICE ? [...slices].join('') : Readable.from(paced(reply, slices)))
}

async function* paced(reply: FastifyReply, slices: Iterable<string>): AsyncGenerator<string> {
  for (const slice of slices) {
    const callOff = whenAwakeFor(reply.server.stallMs, () => {
      reply.request.stalled = true
      reply.raw.destroy()
    })
    try {
      yield slice
    } finally {
      callOff()
    }
    await turn()
  }
}

/** Pause between two slices: more than one of them takes, or the system takes the process for one that computes, and others before it. */
const REST_MS = 1
let lastTurn: Promise<unknown> = Promise.resolve()

/** Waits for the next slice, one of all answers at a time: millions of tokens a second. */
function turn(): Promise<unknown> {
  lastTurn = lastTurn.then(() => pause(REST_MS))
  return lastTurn
}

/** Slices of the JSON text of an array of numbers. */
export function numberSlices(numbers: Uint32Array): Generator<string> {
  return slicesOf(numbers, (some) => some.join(','))
}

/** Slices of the JSON text of an array. @param jsonOf JSON text of an item. */
export function arraySlices(items: Uint32Array, jsonOf: (item: number) => string): Generator<string> {
  return slicesOf(items, (some) => {
    let text = ''
    for (const item of some) text += text === '' ? jsonOf(item) : `,${jsonOf(item)}`
    return text
  })
}

/** Slices of the JSON text of a string. */
export function* stringSlices(text: string): Generator<string> {
  yield '"'
  // Half a surrogate pair is escaped, and its other half as well.
  for (let at = 0; at < text.length; at += SLICE)
    yield JSON.stringify(text.slice(at, at + SLICE)).slice(1, -1)
  yield '"'
}

function* slicesOf(items: Uint32Array, write: (some: Uint32Array) => string): Generator<string> {
  yield '['
  for (let at = 0; at < items.length; at += SLICE)
    yield `${at === 0 ? '' : ','}${write(items.subarray(at, at + SLICE))}`
  yield ']'
}
