import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { fastifySSE } from '@fastify/sse'
import fastify from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { ClientGone, openStream } from '../../src/http/sse.ts'

const app = () => fastify()
let server: ReturnType<typeof app> | undefined
afterEach(() => server?.close())

const STALL_MS = 300
/** So long that nothing here is taken for a stall. */
const NEVER_MS = 3_600_000

/** A route that streams events of 64 kB, or other ones for each of some choices; resolves to how that ended. */
async function streaming(events: number, { bytes = 65_536, choices = 1, stallMs = STALL_MS } = {}) {
  let held = 0
  server = app()
  server.decorate('stallMs', stallMs)
  await server.register(fastifySSE)
  const ended = new Promise<unknown>((resolve) => {
    server?.get('/', { sse: 'manual' }, async (_request, reply) => {
      const stream = openStream(reply)
      const text = 'x'.repeat(bytes)
      const write = async (): Promise<void> => {
        for (let event = 0; event < events; event++) {
          const written = stream.data({ event, text })
          // Node counts what its socket holds, too.
          held = Math.max(held, reply.raw.writableLength)
          await written
        }
      }
      try {
        stream.open()
        await Promise.all(Array.from({ length: choices }, write))
        await stream.done()
        resolve('done')
      } catch (error) {
        resolve(error)
      }
    })
  })
  await server.listen({ port: 0, host: '127.0.0.1' })
  const socket = connect((server.server.address() as AddressInfo).port, '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  await once(socket, 'connect')
  return { ended, socket, held: () => held }
}

describe('openStream', () => {
  it('openStream waits for a slow reader', async () => {
    const { ended, socket } = await streaming(400, { stallMs: NEVER_MS })
    let bytes = 0
    socket.on('data', (chunk) => {
      bytes += chunk.length
      socket.pause()
      setTimeout(() => socket.resume(), 1)
    })
    expect(await ended).toBe('done')
    while (bytes < 400 * 65_536) await once(socket, 'data')
    socket.destroy()
  })

  it('openStream closes the connection of a reader that has stopped, after a while', async () => {
    const { ended, socket } = await streaming(100_000)
    socket.pause()
    const started = performance.now()
    expect(await ended).toBeInstanceOf(ClientGone)
    expect(performance.now() - started).toBeGreaterThan(STALL_MS - 50)
    socket.destroy()
  })

  it('openStream buffers at most 64 KiB for a stopped reader of 16 choices with log probabilities', async () => {
    const { ended, socket, held } = await streaming(1000, { bytes: 2500, choices: 16 })
    socket.pause()
    expect(await ended).toBeInstanceOf(ClientGone)
    expect(held()).toBeGreaterThan(0)
    expect(held()).toBeLessThanOrEqual(65_536)
    socket.destroy()
  })

  it('openStream ends at once when the reader leaves while the socket is full', async () => {
    const { ended, socket } = await streaming(100_000, { stallMs: NEVER_MS })
    socket.pause()
    setTimeout(() => socket.destroy(), 50)
    expect(await ended).toBeInstanceOf(ClientGone)
  })
})
