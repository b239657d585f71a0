import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ServingError } from '../../base/errors.ts'
import { keptOf, SharedBound } from '../../base/shared-bound.ts'
import { unsupportedMediaType } from '../error-answers.ts'
import { ClientGone } from '../sse.ts'
import { whenClosed } from '../waiting-responses.ts'
import { unparsable } from './json-body.ts'
import { JsonParser, type WaitingBody } from './json-parser.ts'
import { JsonShape } from './json-shape.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether a POST may have no body at all. Default false. */
    optionalBody?: boolean
    /** Whether the route refuses every request before its body is read. */
    unread?: boolean
  }
  interface FastifyRequest {
    /** Bytes that its body takes: as it was sent, then as it is held. */
    heldBytes: number
    /** Handle by which its body leaves the parser's queue. */
    waitingBody: WaitingBody | undefined
  }
}

/**
 * Bodies are JSON, in UTF-8 and not compressed. A body counts from its first byte until its request is over, and from when it is
 * parsed with what the parsed values take.
 * @param maxBytes of one body. @param maxHeldBytes of all bodies at a time.
 */
export function takeJsonOnly(app: FastifyInstance, maxBytes: number, maxHeldBytes: number): void {
  const held = new SharedBound()
  const parser = new JsonParser()
  const holder = ({ tenant }: FastifyRequest): string => tenant?.name ?? ''
  const take = (request: FastifyRequest, bytes: number): void => {
    if (!held.takes(holder(request), bytes, maxHeldBytes, keptOf(maxHeldBytes))) throw tooManyBytes()
    request.heldBytes += bytes
    held.add(holder(request), bytes)
  }
  app.decorateRequest('heldBytes', 0)
  app.decorateRequest('waitingBody', undefined)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', async (request: FastifyRequest, payload: IncomingMessage) => {
    if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge()
    const shape = new JsonShape()
    let sent = 0
    const pieces = await piecesOf(payload, (piece) => {
      sent += piece.length
      if (sent > maxBytes) throw tooLarge()
      take(request, piece.length)
      shape.push(piece)
      if (shape.excess !== undefined) throw unparsable(shape.excess)
    })
    take(request, Math.max(0, shape.heldBytes - sent))
    request.waitingBody = { leave: undefined }
    return parser.parse(pieces, sent, shape, request.waitingBody)
  })
  app.addHook('onRequest', async (request, reply) => {
    if (request.method !== 'POST' || request.routeOptions.config.unread) return
    if (request.routeOptions.config.optionalBody && !hasBody(request.raw)) {
      // Generic clients send a type of what they do not send.
      delete request.headers['content-type']
      return
    }
    const { 'content-type': type = '', 'content-encoding': encoding = 'identity' } = request.headers
    if (!isJson(type) || encoding.toLowerCase() !== 'identity') throw unsupportedMediaType()
    // fastify takes no empty parameter, which RFC 9110 allows, and finds its parser by this header.
    request.headers['content-type'] = 'application/json'
    whenClosed(reply.raw, () => {
      held.add(holder(request), -request.heldBytes)
      request.waitingBody?.leave?.()
    })
  })
  app.addHook('onClose', () => parser.close())
}

/** RFC 9112, 6.3: a request without a length or chunks has no body. */
function hasBody({ headers }: IncomingMessage): boolean {
  return Number(headers['content-length'] ?? 0) > 0 || headers['transfer-encoding'] !== undefined
}

/** WHATWG: labels of UTF-8. RFC 8259: JSON has no parameters, but clients send this one. */
const CHARSET = /^charset *= *"?(?:utf-?8|unicode-1-1-utf-8)"?$/i

/** Whether a media type is JSON in UTF-8. RFC 9110, 5.6.6: parameters may be empty. */
function isJson(contentType: string): boolean {
  const [type = '', ...parameters] = contentType.split(';').map((part) => part.trim())
  return (
    type.toLowerCase() === 'application/json' &&
    parameters.every((parameter) => parameter === '' || CHARSET.test(parameter))
  )
}

/** Bytes of one body that are taken in one turn of the event loop: many bodies may come at once, and faster than they are counted. */
const A_TURN = 65_536

/** @param take receives each piece, and throws to refuse the rest. */
function piecesOf(payload: IncomingMessage, take: (piece: Buffer) => void): Promise<Buffer[]> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = []
    let inThisTurn = 0
    const goOn = (): void => {
      inThisTurn = 0
      payload.resume()
    }
    const onData = (piece: Buffer): void => {
      try {
        take(piece)
        pieces.push(piece)
      } catch (error) {
        // What still comes is dropped, so that the client gets to read the answer.
        payload.off('data', onData).resume()
        reject(error)
        return
      }
      inThisTurn += piece.length
      if (inThisTurn < A_TURN) return
      payload.pause()
      setImmediate(goOn)
    }
    payload.on('data', onData)
    payload.once('end', () => resolve(pieces))
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
