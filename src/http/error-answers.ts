import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { quoted, ServingError } from '../base/errors.ts'
import { ClientGone } from './sse.ts'

/** How long the rest of a body is read and dropped. */
const REST_MS = 2000

/** How a protocol writes a failure into its answer. */
export type ErrorSender = (reply: FastifyReply, error: ServingError) => FastifyReply

/** Answers every failure of the routes of an instance, and of the router below its prefix, as an error of its protocol. */
export function answerErrors(
  app: FastifyInstance,
  onError: (error: ServingError) => void,
  sendBody: ErrorSender = sendOpenAiError,
): void {
  const send: ErrorSender = (reply, error) => sendBody(withRetryHeaders(reply, error), error)
  app.setErrorHandler((error: FastifyError, request, reply) => {
    if (error instanceof ClientGone) {
      reply.raw.destroy()
      return
    }
    const failure = toServingError(error)
    request.failure = failure.code
    // Time that is over, or a server that is full, is no fault of its code.
    if (failure.status === 500) {
      request.log.error({ err: failure.cause ?? failure }, failure.message)
    }
    onError(failure)
    return send(reply, failure)
  })
  app.setNotFoundHandler((request, reply) => {
    const failure = notFound(app, request, reply)
    request.failure = failure.code
    onError(failure)
    return send(reply, failure)
  })
}

function withRetryHeaders(reply: FastifyReply, error: ServingError): FastifyReply {
  if (error.status === 503 || error.status === 429) {
    const waitMs = Math.max(1, Math.round(error.retryAfterMs ?? 1000))
    reply.header('retry-after', Math.ceil(waitMs / 1000)).header('retry-after-ms', waitMs)
  }
  // OpenAI's SDKs would try again.
  if (error.code === 'deadline_exceeded') reply.header('x-should-retry', 'false')
  dropRest(reply)
  if (error.status === 401) reply.header('www-authenticate', 'Bearer')
  return reply
}

/** Drops the rest of a body after the answer. fastify would close the connection, which resets it: its client may not get to read the answer. */
function dropRest(reply: FastifyReply): void {
  const { raw, request } = reply
  const { raw: incoming } = request
  if (incoming.complete) return
  reply.removeHeader('connection')
  raw.once('finish', () => {
    const cut = setTimeout(() => incoming.socket.destroy(), REST_MS)
    incoming.resume().once('close', () => clearTimeout(cut))
  })
}

function sendOpenAiError(reply: FastifyReply, error: ServingError): FastifyReply {
  return reply.code(error.status).type('application/json; charset=utf-8').send(JSON.stringify(error.body))
}

/** Turns anything thrown into an error with an answer; what is not ours is a 500 that reveals nothing of the inside. */
export function toServingError(error: unknown): ServingError {
  if (error instanceof ServingError) return error
  const { code, statusCode } = error as Partial<FastifyError>
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return unsupportedMediaType()
  if (code === 'FST_ERR_CTP_EMPTY_JSON_BODY') {
    return new ServingError(
      'invalid_json',
      'We could not parse the JSON body of your request. (HINT: the body is empty.)',
    )
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new ServingError('invalid_value', 'The request could not be read', { cause: error })
  }
  return new ServingError('internal_error', 'The server had an error while it processed your request', {
    cause: error,
  })
}

export function unsupportedMediaType(): ServingError {
  return new ServingError(
    'unsupported_media_type',
    "Unsupported content type. This API only accepts 'application/json' in UTF-8, not compressed",
  )
}

function notFound(app: FastifyInstance, request: FastifyRequest, reply: FastifyReply): ServingError {
  const url = withoutQuery(request.url)
  const path = withoutQuery(request.originalUrl)
  const others = (['GET', 'POST'] as const).filter(
    (method) => method !== request.method && app.findRoute({ method, url }) !== null,
  )
  if (others.length > 0) {
    reply.header('allow', others.join(', '))
    return new ServingError(
      'method_not_supported',
      `Not allowed to ${request.method} on ${quoted(path)} (HINT: use ${others.join(' or ')})`,
    )
  }
  return new ServingError('unknown_url', `Invalid URL (${request.method} ${quoted(path).slice(1, -1)})`)
}

function withoutQuery(url: string): string {
  return url.split('?', 1)[0] ?? ''
}
