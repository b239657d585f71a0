import { randomUUID } from 'node:crypto'
import { maxHeaderSize } from 'node:http'
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
  type FastifyServerOptions,
  LogController,
} from 'fastify'
import { checkHost } from './access/hosts.ts'
import { answerClientError, answerConnect, followExchanges } from './client-errors.ts'
import { echoHeaders } from './echoed-headers.ts'
import { logRequests } from './request-log.ts'
import { closeWaitingResponses } from './waiting-responses.ts'

export interface HttpServer {
  readonly log: FastifyBaseLogger
  /** Options of fastify for HTTP or HTTPS: see transportOf. */
  readonly transport: object
  /** Receives the code of each error that is answered before there is a request. */
  readonly onError: (code: string) => void
  /** See logRequests. */
  readonly onAborted: Parameters<typeof logRequests>[1]
  readonly tracing?: Parameters<typeof logRequests>[2]
  /** Whether only hosts are answered that nobody else can make a browser ask for. */
  readonly ownHostsOnly: boolean
}

/**
 * Makes the HTTP server of a port. Every request has an id, a line in the log and the hooks of its server; bytes that the parser
 * makes no request of are answered in the gateway's own form, where Node and fastify would answer in theirs.
 */
export function httpServer(
  { log, transport, onError, onAborted, tracing, ownHostsOnly }: HttpServer,
  more: FastifyServerOptions,
): FastifyInstance {
  const app: FastifyInstance = fastify({
    // Its types distinguish servers of HTTP and of HTTPS, which nothing behind here does.
    ...(transport as object),
    ...more,
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    // fastify's own answer while it closes is not in OpenAI's shape; ours is given before that.
    return503OnClosing: false,
    // What fits into a head is not too long: fastify would refuse it before any hook.
    routerOptions: { maxParamLength: maxHeaderSize },
    rewriteUrl: ({ url = '/' }) => routable(url),
    genReqId: requestId,
    clientErrorHandler: (error, socket) => answerClientError(error, socket, onError),
  })
  closeWaitingResponses(app.server)
  followExchanges(app.server, onError)
  answerConnect(app.server, onError)
  echoHeaders(app)
  logRequests(app, onAborted, tracing)
  checkHost(app, ownHostsOnly)
  return app
}

/**
 * Turns a URL that fastify's router would refuse before any hook, the check of API keys included, into a path that it accepts: a
 * URL that is no path, and one whose escapes cannot be decoded, which are then taken literally.
 */
function routable(url: string): string {
  // A proxy's form, with the host in front.
  const target = url.replace(/^https?:\/\/[^/?#]+/i, '')
  const rooted = target.startsWith('/') ? target : `/${target}`
  const [path = ''] = rooted.split(/[?#]/, 1)
  try {
    decodeURIComponent(path)
    return rooted
  } catch {
    return path.replaceAll('%', '%25') + rooted.slice(path.length)
  }
}

/** A caller's own id is kept when it is harmless in a log and a header. */
function requestId(request: { headers: FastifyRequest['headers'] }): string {
  const given = request.headers['x-request-id']
  return typeof given === 'string' && /^[\w.-]{1,128}$/.test(given) ? given : randomUUID()
}
