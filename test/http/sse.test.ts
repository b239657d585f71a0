import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { fastifySSE } from '@fastify/sse'
import fastify from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { ClientGone, openStream } from '../../src/http/sse.ts'
import { eventsUntilDone, jsonLines, namedEvents, plainEvents } from '../../src/http/stream-format.ts'

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
  server.decorate('keepAliveMs', NEVER_MS)
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

describe('a stream that is silent for a while', () => {
  it.each([
    [
      eventsUntilDone,
      'text/event-stream',
      /^data: \{"at":1\}\n\n(: heartbeat\n\n)+data: \{"at":2\}\n\ndata: \[DONE\]\n\n$/,
    ],
    [plainEvents, 'text/event-stream', /^data: \{"at":1\}\n\n(: heartbeat\n\n)+data: \{"at":2\}\n\n$/],
    [namedEvents, 'text/event-stream', /^event: part\ndata: .*\n\n(: heartbeat\n\n)+event: part\n/],
    [jsonLines, 'application/x-ndjson', /^\{"at":1\}\n +\{"at":2\}\n$/],
  ])('shows signs of life in its own form: %#', async (format, type, expected) => {
    server = app()
    server.decorate('stallMs', NEVER_MS)
    server.decorate('keepAliveMs', 20)
    await server.register(fastifySSE, { heartbeatInterval: 0 })
    server.get('/', { sse: 'manual' }, async (_request, reply) => {
      const stream = openStream(reply, format)
      const named = format === namedEvents ? { type: 'part' } : {}
      stream.open()
      await stream.data({ ...named, at: 1 })
      await pause(100)
      await stream.data({ ...named, at: 2 })
      await stream.done()
    })
    await server.listen({ port: 0, host: '127.0.0.1' })
    const answer = await fetch(`http://127.0.0.1:${(server.server.address() as AddressInfo).port}/`)
    expect(answer.headers.get('content-type')).toBe(type)
    const body = await answer.text()
    expect(body).toMatch(expected)
    // Every line of it is JSON: Ollama's clients read no other.
    if (format === jsonLines) for (const line of body.trimEnd().split('\n')) JSON.parse(line)
  })
})

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

it('a line of JSON holds no character at which a reader ends a line', () => {
  const text = 'a\u0085b\u2028c\u2029d'
  const line = jsonLines.frame({ text })
  expect(line).not.toMatch(/[\u0085\u2028\u2029]/)
  expect(JSON.parse(line)).toEqual({ text })
})
