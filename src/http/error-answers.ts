import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { quoted, ServingError } from '../base/errors.ts'
import { ClientGone } from './sse.ts'

/** How long the rest of a body is read and dropped. */
const REST_MS = 2000

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Ending of the paths below a wildcard that the route answers; absent: it answers all. */
    ending?: string
  }
  interface FastifyInstance {
    /** By method and pattern of a route with a wildcard: what the paths that it answers end with. */
    endings: Map<string, string>
  }
}

/** How a protocol writes a failure into its answer. */
export type ErrorSender = (reply: FastifyReply, error: ServingError) => FastifyReply

/** Answers every failure of the routes of an instance, and of the router below its prefix, as an error of its protocol. */
export function answerErrors(
  app: FastifyInstance,
  onError: (error: ServingError) => void,
  sendBody: ErrorSender = sendOpenAiError,
): void {
  const send: ErrorSender = (reply, error) => sendBody(withRetryHeaders(reply, error), error)
  keepEndings(app)
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

/** Refuses requests that no route takes before their bodies are read. An OPTIONS that comes here is not of a page that is let in. */
export function refuseWithoutRoute(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    if (request.is404 || request.method === 'OPTIONS') throw notFound(app, request, reply)
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
    (method) => method !== request.method && answers(app, method, url),
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

function keepEndings(app: FastifyInstance): void {
  if (!app.hasDecorator('endings')) app.decorate('endings', new Map())
  app.addHook('onRoute', ({ method, url, config }) => {
    if (config?.ending !== undefined) app.endings.set(`${method} ${url}`, config.ending)
  })
}

/** Whether a method is for a path. A wildcard's route may answer some of its paths only. */
function answers(app: FastifyInstance, method: 'GET' | 'POST', url: string): boolean {
  const params = app.findRoute({ method, url })?.params
  const rest = params?.['*']
  if (rest === undefined) return params !== undefined
  const ending = app.endings.get(`${method} ${url.slice(0, url.length - rest.length)}*`)
  return ending === undefined || rest.endsWith(ending)
}

function withoutQuery(url: string): string {
  return url.split('?', 1)[0] ?? ''
}
