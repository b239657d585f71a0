import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ServingError } from '../errors.ts'
import { keptOf, SharedBound } from '../shared-bound.ts'
import { unsupportedMediaType } from './error-answers.ts'
import { parseJsonBody } from './json-body.ts'
import { ClientGone } from './sse.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Of its body, so far. */
    bodyBytes: number
  }
}

/**
 * Bodies are JSON, in UTF-8 and not compressed. A body counts from its first byte until its request is over.
 * @param maxBytes of one body. @param maxHeldBytes of all bodies at a time.
 */
export function takeJsonOnly(app: FastifyInstance, maxBytes: number, maxHeldBytes: number): void {
  const held = new SharedBound()
  const holder = ({ tenant }: FastifyRequest): string => tenant?.name ?? ''
  const take = (request: FastifyRequest, bytes: number): void => {
    if (request.bodyBytes + bytes > maxBytes) throw tooLarge()
    if (!held.takes(holder(request), bytes, maxHeldBytes, keptOf(maxHeldBytes))) throw tooManyBytes()
    request.bodyBytes += bytes
    held.add(holder(request), bytes)
  }
  app.decorateRequest('bodyBytes', 0)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', async (request: FastifyRequest, payload: IncomingMessage) => {
    if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge()
    return parseJsonBody(await bodyOf(payload, (bytes) => take(request, bytes)))
  })
  app.addHook('onRequest', async (request, reply) => {
    if (request.method !== 'POST') return
    const { 'content-type': type = '', 'content-encoding': encoding = 'identity' } = request.headers
    const plain = /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i.test(type)
    if (!plain || encoding.toLowerCase() !== 'identity') throw unsupportedMediaType()
    reply.raw.once('close', () => {
      held.add(holder(request), -request.bodyBytes)
    })
  })
}

/** @param take is told of each piece, and throws to refuse the rest. */
function bodyOf(payload: IncomingMessage, take: (bytes: number) => void): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = []
    const onData = (piece: Buffer): void => {
      try {
        take(piece.length)
        pieces.push(piece)
      } catch (error) {
        // What still comes is dropped, so that the client gets to read the answer.
        payload.off('data', onData).resume()
        reject(error)
      }
    }
    payload.on('data', onData)
    payload.once('end', () => resolve(Buffer.concat(pieces)))
    const gone = (): void => reject(new ClientGone('the client left while it sent its request'))
    payload.once('error', gone).once('close', gone)
  })
}

function tooLarge(): ServingError {
  return new ServingError('request_too_large', 'The body of your request is larger than this server takes')
}

function tooManyBytes(): ServingError {
  return new ServingError(
    'server_overloaded',
    'The server is at capacity: it holds as many bytes of requests as it may. Please retry later',
    { retryAfterMs: 1000 },
  )
}
