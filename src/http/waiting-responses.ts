import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Responses of each connection that are not over. */
const responses = new WeakMap<Socket, Set<ServerResponse>>()
/** Responses that have emitted `close`. */
const closed = new WeakSet<ServerResponse>()

/**
 * Makes every response of a connection emit `close` when the connection closes. HTTP pipelining: where a client sends several
 * requests at once, all are served, and all but the first response wait for the socket. When it closes, Node emits `close` on
 * the response that has it, and on none that wait: what they asked for would run on, and count, for ever.
 */
export function closeWaitingResponses(server: Server): void {
  server.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    const open = responses.get(socket) ?? follow(socket)
    open.add(response)
    response.once('close', () => {
      open.delete(response)
      closed.add(response)
    })
    // What lay in the buffer of a connection that is gone is parsed all the same.
    if (socket.closed) process.nextTick(closeAll, open)
  })
}

/** Calls the listener once when a response is over, however it ends; also where it was over before. */
export function whenClosed(response: ServerResponse, listener: () => void): void {
  if (closed.has(response)) process.nextTick(listener)
  else response.once('close', listener)
}

function follow(socket: Socket): Set<ServerResponse> {
  const open = new Set<ServerResponse>()
  responses.set(socket, open)
  socket.once('close', () => closeAll(open))
  return open
}

function closeAll(open: ReadonlySet<ServerResponse>): void {
  for (const response of [...open]) {
    // Node emits it on the one that has the socket.
    if (response.socket !== null || response.closed) continue
    response.destroy()
    response.emit('close')
  }
}
