import { openSync, writeSync } from 'node:fs'
import { Server as HttpServer } from 'node:http'
import { Server as NetServer } from 'node:net'
import { isMainThread } from 'node:worker_threads'

/*
 * Preloaded into a server: writes down what goes out over its HTTP connections, byte for byte, and which requests came in, with their bodies. An answer
 * is in the file before its client can have it. See recorded.ts for who reads it.
 */

/** Of a body. Larger ones are not looked at. */
const MOST_BYTES = 100_000

const file = isMainThread ? process.env['ALTIPLANO_TEST_ANSWERS'] : undefined
if (file !== undefined) {
  // The server's children are not tapped.
  delete process.env['ALTIPLANO_TEST_ANSWERS']
  process.execArgv.length = 0
  follow(openSync(file, 'a'))
}

/** @param {number} fd */
function follow(fd) {
  /** @type {WeakMap<import('node:net').Socket, number>} */
  const ids = new WeakMap()
  let connections = 0
  const note = (/** @type {object} */ line) => writeSync(fd, `${JSON.stringify(line)}\n`)

  const tap = (/** @type {import('node:net').Socket} */ socket) => {
    const connection = connections++
    ids.set(socket, connection)
    const { write, end } = socket
    const sent = (/** @type {unknown} */ data, /** @type {unknown} */ encoding) => {
      if (typeof data !== 'string' && !(data instanceof Uint8Array)) return
      const bytes =
        typeof data === 'string'
          ? Buffer.from(
              data,
              typeof encoding === 'string' ? /** @type {BufferEncoding} */ (encoding) : 'utf8',
            )
          : Buffer.from(data)
      if (bytes.length > 0) note({ connection, sent: bytes.toString('latin1') })
    }
    socket.write = (/** @type {any[]} */ ...args) => {
      sent(args[0], args[1])
      return Reflect.apply(write, socket, args)
    }
    socket.end = (/** @type {any[]} */ ...args) => {
      sent(args[0], args[1])
      return Reflect.apply(end, socket, args)
    }
    socket.once('close', () => note({ connection, closed: true }))
  }

  const tapBody = (
    /** @type {import('node:http').IncomingMessage} */ request,
    /** @type {number | undefined} */ connection,
  ) => {
    const { push } = request
    let bytes = 0
    request.push = (/** @type {any} */ chunk, /** @type {any} */ encoding) => {
      bytes += chunk?.length ?? 0
      if (chunk?.length > 0 && bytes <= MOST_BYTES) note({ connection, received: chunk.toString('latin1') })
      else if (chunk?.length > 0) note({ connection, tooMuch: true })
      return Reflect.apply(push, request, [chunk, encoding])
    }
  }

  const { emit } = NetServer.prototype
  NetServer.prototype.emit = function (/** @type {any} */ event, /** @type {any[]} */ ...args) {
    const plain = this instanceof HttpServer
    if (event === (plain ? 'connection' : 'secureConnection')) tap(args[0])
    if (event === 'request' || event === 'checkExpectation') {
      const { method, url, socket } = args[0]
      const connection = ids.get(socket)
      note({ connection, method, url })
      tapBody(args[0], connection)
    }
    return Reflect.apply(emit, this, [event, ...args])
  }
}
