import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { ServingError } from '../base/errors.ts'

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** The last exchange of each connection. */
const exchanges = new WeakMap<Socket, Exchange>()

/** Follows what a server's connections are at, and answers what Node would answer in a shape of its own. */
export function followExchanges(server: Server, onError: (code: string) => void): void {
  const follow = (request: IncomingMessage, response: ServerResponse): void => {
    exchanges.set(request.socket, { request, response })
    response.prependOnceListener('finish', () => {
      if (!request.complete && !response.shouldKeepAlive) closeLater(request.socket)
    })
  }
  server.prependListener('request', follow)
  // Anything but 100-continue, which Node answers itself.
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    follow(request, response)
    const failure = new ServingError(
      'expectation_failed',
      'This server meets no expectation but 100-continue',
    )
    onError(failure.code)
    const headers = {
      'x-request-id': randomUUID(),
      'content-type': 'application/json; charset=utf-8',
      connection: 'close',
    }
    response.writeHead(failure.status, headers).end(JSON.stringify(failure.body))
  })
}

/** Time for what a client still sends when it has its answer. */
const LINGER_MS = 2000

/** TCP: a connection that is closed with bytes unread is reset, and its client may lose the answer. What comes is dropped. */
function closeLater(socket: Socket): void {
  socket.destroySoon = () => {
    socket.end()
    const timer = setTimeout(() => socket.destroy(), LINGER_MS)
    socket.once('close', () => clearTimeout(timer))
  }
}

/** Answers a request that the HTTP parser itself refuses: it never reaches fastify. */
export function answerClientError(
  error: NodeJS.ErrnoException,
  socket: Socket,
  onError: (code: string) => void,
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const failure = failureOf(error.code)
  onError(failure.code)
  const exchange = exchanges.get(socket)
  if (exchange !== undefined && !answerable(exchange)) {
    // One request has one answer: a second would be read as that of the next.
    if (exchange.response.writableEnded) socket.end()
    else socket.destroy()
    return
  }
  socket.end(wireAnswer(failure))
}

/** Refuses CONNECT: this server is no proxy, and Node would close the connection without a word. */
export function answerConnect(server: Server, onError: (code: string) => void): void {
  server.on('connect', (_request, socket: Socket) => {
    // Node listens to it no longer.
    socket.on('error', () => undefined)
    const exchange = exchanges.get(socket)
    if (exchange !== undefined && !answerable(exchange)) {
      socket.destroy()
      return
    }
    const failure = new ServingError('method_not_supported', 'Not allowed to CONNECT (HINT: use GET or POST)')
    onError(failure.code)
    closeLater(socket)
    socket.resume().end(wireAnswer(failure, 'allow: GET, POST\r\n'), () => socket.destroySoon())
  })
}

/** An answer to what is no request yet. */
function wireAnswer({ status, body }: ServingError, more = ''): string {
  const text = JSON.stringify(body)
  return `HTTP/1.1 ${status} Error\r\nx-request-id: ${randomUUID()}\r\n${more}content-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`
}

/** Whether the next bytes would be read as the answer to what could not be read. */
function answerable({ request, response }: Exchange): boolean {
  if (!request.complete) return !response.headersSent
  return response.writableFinished && response.shouldKeepAlive
}

function failureOf(code: string | undefined): ServingError {
  if (code === 'HPE_HEADER_OVERFLOW')
    return new ServingError('headers_too_large', 'The headers of your request are too large')
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new ServingError('request_timeout', 'Your request did not arrive in time')
  return new ServingError('invalid_value', 'Your request is not valid HTTP')
}
