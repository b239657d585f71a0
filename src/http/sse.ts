import type { ServerResponse } from 'node:http'
import type { Writable } from 'node:stream'
// For its additions to fastify's types: reply.sse, and the route option.
import type {} from '@fastify/sse'
import type { FastifyReply } from 'fastify'
import { whenAwakeFor } from '../base/awake-clock.ts'
import { bindTrace } from '../generation/request-trace.ts'
import { eventsUntilDone, type StreamFormat } from './stream-format.ts'
import { whenClosed } from './waiting-responses.ts'

/** Thrown when the client has left or has stopped reading: there is nobody left to answer. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone'
}

export interface EventStream {
  /** Aborts with ClientGone when the client leaves or stalls. fastify's own request.signal aborts every POST (fastify#6725). */
  readonly signal: AbortSignal
  /** Commits status 200 and starts the signs of life. */
  open(): void
  /** Sends one value. Waits while the socket is full; rejects with ClientGone. */
  data(value: object): Promise<void>
  /** Sends a comment, which clients skip. */
  comment(text: string): void
  /** Ends the stream, with its format's last frame. */
  done(): Promise<void>
  /** Sends an error, and ends the stream without that frame. */
  fail(error: object): Promise<void>
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Milliseconds that a reader of a stream may leave its socket full. */
    stallMs: number
  }
}

/**
 * An answer in pieces: its headers are sent by @fastify/sse, the pieces here. Its send() never settles when a client leaves under
 * back-pressure (fastify/sse#54), and costs several promises a token. The route must have `sse: 'manual'`.
 */
export function openStream(reply: FastifyReply, format: StreamFormat = eventsUntilDone): EventStream {
  const { raw } = reply
  const { signal, gone, left } = watchClient(reply)
  let over = false
  let drained: Promise<void> | undefined
  /** Waits only while the socket is full, and not for ever. */
  const put = async (frame: string): Promise<void> => {
    signal.throwIfAborted()
    if (over) throw new ClientGone('the stream has ended')
    const full = writeWhole(raw, frame)
    if (full === undefined) return
    // Many choices may wait for the same socket.
    drained ??= new Promise((resolve) =>
      full.once('drain', () => {
        drained = undefined
        resolve()
      }),
    )
    const callOff = whenAwakeFor(reply.server.stallMs, () => {
      reply.request.stalled = true
      gone('the client stopped reading')
      raw.destroy()
    })
    try {
      await Promise.race([drained, left])
    } finally {
      callOff()
    }
  }
  const comment = (text: string): void => {
    if (!signal.aborted && !over && !raw.writableEnded) raw.write(format.comment(text))
  }
  return {
    signal,
    open: () => {
      signal.throwIfAborted()
      // @fastify/sse 0.6.0 says keep-alive to everyone: who asked to close, or speaks HTTP/1.0, would wait for the end for ever.
      if (!raw.shouldKeepAlive) reply.header('connection', 'close')
      reply.header('content-type', format.contentType)
      reply.sse.sendHeaders()
      raw.flushHeaders()
      // A socket that is full needs no sign of life.
      const alive = setInterval(() => drained ?? comment('heartbeat'), reply.server.keepAliveMs)
      alive.unref()
      whenClosed(raw, () => clearInterval(alive))
    },
    data: (value) => put(format.frame(value)),
    comment,
    done: async () => {
      if (format.end !== '') await put(format.end)
      over = true
    },
    fail: async (error) => {
      if (over || signal.aborted) return
      const last = put(format.frame(error))
      over = true
      await last
    },
  }
}

/**
 * Writes a piece of an answer whose headers are sent, and returns what will drain if there is no room for more.
 * Node 20 sends a chunk as four pieces through writev, which was half of a token's cost; one string is one write.
 */
function writeWhole(raw: ServerResponse, text: string): Writable | undefined {
  const { socket } = raw
  // Behind another answer on its connection there is no socket yet, and HTTP/1.0 has no chunks.
  if (socket === null || !raw.chunkedEncoding) return raw.write(text) ? undefined : raw
  return socket.write(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`) ? undefined : socket
}

interface ClientWatch {
  readonly signal: AbortSignal
  gone(why: string): void
  /** Rejects when the client is gone; never resolves. */
  readonly left: Promise<never>
}

/** Knows when the client of a reply is gone, also when it left before the handler ran. */
export function watchClient(reply: FastifyReply): ClientWatch {
  const { raw } = reply
  const controller = new AbortController()
  let reject: (reason: Error) => void = () => undefined
  const left = new Promise<never>((_, fail) => {
    reject = fail
  })
  left.catch(() => undefined)
  if (reply.request.trace !== undefined) bindTrace(controller.signal, reply.request.trace)
  const gone = (why: string): void => {
    if (controller.signal.aborted) return
    const error = new ClientGone(why)
    controller.abort(error)
    reject(error)
  }
  if (raw.destroyed || raw.socket?.destroyed) gone('the client left before it was served')
  else whenClosed(raw, () => (raw.writableFinished ? undefined : gone('the client left')))
  return { signal: controller.signal, gone, left }
}
