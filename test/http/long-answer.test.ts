import { once } from 'node:events'
import { connect } from 'node:net'
import fastify, { type FastifyInstance } from 'fastify'
import { afterEach, expect, it } from 'vitest'
import { arraySlices, numberSlices, SLICE, sendSlices } from '../../src/http/long-answer.ts'

let app: FastifyInstance | undefined
afterEach(() => app?.close())

async function serve(slices: () => Iterable<string>, length: number, stallMs = 10_000): Promise<number> {
  app = fastify()
  app.decorate('stallMs', stallMs)
  app.get('/', (_request, reply) => sendSlices(reply, slices(), length))
  return Number(new URL(await app.listen({ port: 0 })).port)
}

const numbers = Uint32Array.from({ length: 3 * SLICE + 1 }, (_, index) => index)

it.each([0, 1, SLICE, SLICE + 1, 3 * SLICE + 1])('a long answer has all of its %i items', async (length) => {
  const items = numbers.subarray(0, length)
  const port = await serve(() => numberSlices(items), length)
  const answer = await fetch(`http://localhost:${port}`)
  expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
  expect(await answer.json()).toEqual([...items])
  const texts = [...arraySlices(items, (item) => JSON.stringify(`"${item}`))].join('')
  expect(JSON.parse(texts)).toEqual([...items].map((item) => `"${item}`))
})

it('long answers take one slice in each round of the event loop, however many are sent', async () => {
  let round = 0
  let over = false
  const count = (): void => {
    round++
    if (!over) setImmediate(count)
  }
  count()
  const rounds: number[] = []
  function* slices(): Generator<string> {
    for (let index = 0; index < 10; index++) {
      rounds.push(round)
      yield '1'
    }
  }
  const port = await serve(slices, 10 * SLICE)
  await Promise.all([1, 2, 3].map(async () => (await fetch(`http://localhost:${port}`)).text()))
  over = true
  expect(rounds).toHaveLength(30)
  // Each begins by itself.
  expect(new Set(rounds).size).toBeGreaterThanOrEqual(28)
})

it('a long answer is written as the client reads, and cut off when the client stops reading', async () => {
  let made = 0
  let ended = false
  function* slices(): Generator<string> {
    try {
      for (;;) {
        made++
        yield 'x'.repeat(100_000)
      }
    } finally {
      ended = true
    }
  }
  const port = await serve(slices, 10 * SLICE, 300)
  const socket = connect(port, 'localhost', () => socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n'))
  socket.pause()
  while (!ended) await new Promise((resolve) => setTimeout(resolve, 20))
  expect(made).toBeGreaterThan(1)
  // What fits into the buffers of both sockets.
  expect(made).toBeLessThan(200)
  socket.resume()
  await once(socket, 'close')
})
