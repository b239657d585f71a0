import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Those of each connection that are not over. */
const responses = new WeakMap<Socket, Set<ServerResponse>>()
/** Those whose `close` has been. */
const closed = new WeakSet<ServerResponse>()

/**
 * Makes the `close` of a response true for all of them. HTTP pipelining: where a client sends several requests at once, all are
 * served, and all but the first response wait for the socket. When it closes Node tells the one that has it, and none that
 * wait: what they asked for would run on, and count, for ever.
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

/** Tells when a response is over, however it ends, once; also where it was before anybody could listen. */
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
    // Node tells the one that has the socket.
    if (response.socket !== null || response.closed) continue
    response.destroy()
    response.emit('close')
  }
}
