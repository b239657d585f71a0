import { PassThrough } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import type { FastifyReply } from 'fastify'
import type { ServingError } from '../base/errors.ts'
import { toServingError } from './error-answers.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Milliseconds after which an answer in one piece begins before it is there; 0: never. */
    paddingAfterMs: number
    /** Milliseconds between signs of life. */
    keepAliveMs: number
  }
}

/**
 * Sends what `work` comes to as JSON. Clients and proxies give up on an answer of which nothing arrives (undici: 300 s), so
 * one that is late begins with spaces, which JSON allows. Its status is 200 then: what fails afterwards is cut off, so that
 * no client takes it for an answer.
 */
export async function sendAnswer(
  reply: FastifyReply,
  work: Promise<object>,
  onError: (error: ServingError) => void,
): Promise<FastifyReply> {
  const { paddingAfterMs, keepAliveMs } = reply.server
  const settled = new AbortController()
  const late = pause(paddingAfterMs, 'late' as const, { signal: settled.signal, ref: false })
  // It is aborted when `work` has settled, and the caller waits for that.
  late.catch(() => undefined)
  try {
    const first = await (paddingAfterMs === 0 ? work : Promise.race([work, late]))
    if (first !== 'late') return reply.send(first)
  } finally {
    settled.abort()
  }
  const fail = (error: unknown): void => {
    // A client that has left gets no answer, so no error is counted.
    if (!reply.raw.destroyed) {
      const failure = toServingError(error)
      reply.request.failure = failure.code
      onError(failure)
    }
    reply.raw.destroy()
  }
  return reply.type('application/json; charset=utf-8').send(padded(work, keepAliveMs, fail))
}

function padded(work: Promise<object>, everyMs: number, fail: (error: unknown) => void): PassThrough {
  const body = new PassThrough()
  body.write(' ')
  const timer = setInterval(() => body.write(' '), everyMs)
  timer.unref()
  work
    .then((answer) => body.end(JSON.stringify(answer)))
    .catch((error: unknown) => {
      fail(error)
      body.destroy()
    })
    .finally(() => clearInterval(timer))
  return body
}
