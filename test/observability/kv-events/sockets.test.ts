import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { parseEndpoint } from '../../../src/config/kv-events-endpoint.ts'
import { Metrics } from '../../../src/metrics/metrics.ts'
import { KvEvents, type KvEventsOptions } from '../../../src/observability/kv-events/kv-events.ts'
import { Publisher } from '../../../src/observability/kv-events/publisher.ts'
import {
  message,
  properties,
  property,
  readCommand,
  takeFrame,
} from '../../../src/observability/kv-events/zmtp/frames.ts'
import { KvEventReader, type ReadBatch } from '../../support/kv-event-reader.ts'
import { metric } from '../../support/metrics.ts'
import { PATIENCE } from '../../support/patience.ts'
import { ZmqClient } from '../../support/zmq-client.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn() }
const LOOPBACK = '@tcp://127.0.0.1:0'
const BLOCK = 2
/** Machines may be busy. */

async function open(more: Partial<KvEventsOptions> = {}) {
  log.info.mockClear()
  const metrics = new Metrics('m')
  const events = await KvEvents.open({
    endpoint: LOOPBACK,
    replayEndpoint: undefined,
    topic: 'kv@10.0.0.1:8080@m',
    model: 'm',
    blockSize: BLOCK,
    log,
    metrics,
    ...more,
  })
  closing.push(() => events.close())
  const [{ port, replayPort }] = log.info.mock.calls[0] as [{ port: number; replayPort: number }]
  const published = () => metric(metrics, 'altiplano_kv_event_batches_published_total')
  const dropped = () => metric(metrics, 'altiplano_kv_event_batches_dropped_total')
  return { events, port, replayPort, published, dropped }
}

async function subscriber(port: number, topic = 'kv@'): Promise<ZmqClient> {
  const client = await ZmqClient.connect(port, 'SUB')
  closing.push(() => client.close())
  client.subscribe(topic)
  return client
}

const slot = (index: number, tokens: number[], kept = 0, adapter?: string) => ({
  slot: index,
  kept,
  tokens: Uint32Array.from(tokens),
  adapter,
})

describe('endpoints', () => {
  it.each([
    ['tcp://*:5557', true, undefined, 5557],
    ['tcp://0.0.0.0:5557', true, '0.0.0.0', 5557],
    ['tcp://[::]:1', true, '::', 1],
    ['tcp://epp.ns.svc:5557', false, 'epp.ns.svc', 5557],
    ['tcp://[fd00::1]:5557', false, 'fd00::1', 5557],
    ['@tcp://127.0.0.1:0', true, '127.0.0.1', 0],
    ['>tcp://0.0.0.0:9', false, '0.0.0.0', 9],
  ])('the endpoint %s is parsed', (text, listens, host, port) => {
    expect(parseEndpoint(text)).toEqual({ listens, host, port })
  })
})

describe('frames', () => {
  it('frames are read as they were written, however they are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 600 }), { minLength: 1, maxLength: 4 }), (bodies) => {
        let bytes = message(...bodies)
        const read = bodies.map((_, index) => {
          expect(takeFrame(bytes.subarray(0, 1))).toBeUndefined()
          const taken = takeFrame(bytes)
          bytes = taken?.rest ?? bytes
          expect(taken?.frame.more).toBe(index < bodies.length - 1)
          return [...(taken?.frame.body ?? [])]
        })
        expect(read).toEqual(bodies.map((body) => [...body]))
        expect(bytes).toHaveLength(0)
      }),
    )
  })

  it('a frame that announces more than the maximum length is refused', () => {
    const long = Buffer.alloc(9, 0xff)
    long[0] = 2
    expect(() => takeFrame(long)).toThrow('too long')
  })

  it('malformed metadata in a frame is refused', () => {
    expect(properties(property('Socket-Type', 'SUB'))).toEqual(new Map([['socket-type', 'SUB']]))
    for (const end of [1, 3, 12, 15, 17])
      expect(() => properties(property('Socket-Type', 'SUB').subarray(0, end))).toThrow('cut short')
    expect(() => readCommand(Buffer.from('\x09READY'))).toThrow('cut short')
  })
})

describe('a subscriber', () => {
  it('a subscriber gets all blocks when it connects, and then the changes', async () => {
    const { events, port, published, dropped } = await open()
    events.onSlots([slot(0, [1, 2, 3, 4])])
    expect(await published()).toBe(0)
    const client = await subscriber(port)
    const reader = new KvEventReader(BLOCK)
    expect(reader.read(await client.next())).toEqual({
      topic: 'kv@10.0.0.1:8080@m',
      sequence: 0n,
      tags: ['AllBlocksCleared', 'BlockStored'],
    })
    expect(reader.longest([1, 2, 3, 4, 5])).toBe(2)
    events.onSlots([slot(0, [5, 6], 1), slot(1, [9, 9])])
    expect(reader.read(await client.next()).tags).toEqual(['BlockRemoved', 'BlockStored', 'BlockStored'])
    expect(reader.longest([1, 2, 3, 4])).toBe(1)
    expect(reader.longest([1, 2, 5, 6])).toBe(2)
    events.onEngineDown()
    expect(reader.read(await client.next()).tags).toEqual(['AllBlocksCleared'])
    events.onSlots([slot(0, [1, 2])])
    reader.read(await client.next())
    expect(reader.blocks.size).toBe(1)
    expect([await published(), await dropped()]).toEqual([4, 0])
  })

  it('a subscriber gets only its topics, until it unsubscribes', async () => {
    const { events, port, published } = await open()
    const [other, mine] = [await subscriber(port, 'other'), await subscriber(port, 'kv@10.0.0.1:8080@m')]
    await mine.next()
    mine.send(Buffer.from('\0kv@10.0.0.1:8080@m'))
    // An answer to a later command shows that it was heard.
    mine.socket.write(Buffer.from('\x04\x09\x04PING\0\0hi'))
    await vi.waitFor(() => expect(mine.commands).toContain('PONG'), PATIENCE)
    events.onSlots([slot(0, [1, 2])])
    await pause(50)
    expect([...mine.messages, ...other.messages]).toEqual([])
    expect(await published()).toBe(1)
  })

  it('a subscriber gets adapters by their names, and none without a name', async () => {
    const { events, port } = await open()
    const client = await subscriber(port)
    const reader = new KvEventReader(BLOCK)
    reader.read(await client.next())
    events.onAdapters(new Map([['id-a', 'sql']]))
    events.onSlots([slot(0, [1, 2], 0, 'id-a'), slot(1, [3, 4], 0, 'id-b')])
    reader.read(await client.next())
    expect([reader.longest([1, 2], 'sql'), reader.longest([1, 2]), reader.blocks.size]).toEqual([1, 0, 1])
    events.onAdapters(new Map([['id-b', 'sql']]))
    reader.read(await client.next())
    expect([reader.longest([1, 2], 'sql'), reader.longest([3, 4], 'sql')]).toEqual([0, 1])
  })

  it('new subscribers cause a full publication at most once a second', async () => {
    const began = performance.now()
    const { port, published } = await open()
    for (let index = 0; index < 3; index++) await (await subscriber(port)).next()
    expect(await published()).toBeGreaterThan(1)
    expect((await published()) - 1).toBeLessThanOrEqual((performance.now() - began) / 1000)
  })

  it('a subscriber gets no changes before the full state', async () => {
    const { events, port } = await open()
    const first = await subscriber(port)
    await first.next()
    const second = await subscriber(port)
    const reader = new KvEventReader(BLOCK)
    for (let index = 0; index < 20; index++) {
      events.onSlots([slot(0, [index, index, 1, 1])])
      await pause(5)
    }
    reader.read(await second.next())
    expect(reader.longest([19, 19, 1, 1])).toBe(2)
  })

  it('a subscriber that does not read loses events, delays no other, and gets all when it reads again', async () => {
    const blockSize = 4096
    const { events, port, dropped } = await open({ blockSize })
    const [slow, fast] = [await subscriber(port), await subscriber(port)]
    const readers = [new KvEventReader(blockSize), new KvEventReader(blockSize)] as const
    readers[0].read(await slow.next())
    readers[1].read(await fast.next())
    slow.socket.pause()
    const tokens = new Uint32Array(100 * blockSize)
    for (let index = 0; (await dropped()) === 0; index++) {
      if (index > 200) throw new Error('nothing was dropped')
      // Large numbers take five bytes each.
      events.onSlots([
        { slot: 0, kept: 0, tokens: tokens.map((_, at) => 1e9 + at + index), adapter: undefined },
      ])
      readers[1].read(await fast.next())
    }
    expect(slow.closed).toBe(false)
    slow.socket.resume()
    let expected: bigint
    let heard: ReadBatch
    do {
      expected = readers[0].next
      heard = readers[0].read(await slow.next(10_000))
    } while (heard.sequence === expected)
    expect(heard.tags).toEqual(['AllBlocksCleared', 'BlockStored'])
    while (heard.sequence >= readers[1].next) readers[1].read(await fast.next())
    expect(readers[0].blocks).toEqual(readers[1].blocks)
    expect(readers[0].blocks.size).toBe(100)
  })

  it('a subscriber that listens is connected to again after it has closed', async () => {
    const { port, peers, close } = await ZmqClient.listen('SUB')
    const { events } = await open({ endpoint: `tcp://127.0.0.1:${port}` })
    await vi.waitFor(() => expect(peers).toHaveLength(1), PATIENCE)
    peers[0]?.subscribe('')
    await peers[0]?.next()
    close()
    const again = await ZmqClient.listen('SUB', port)
    closing.push(again.close)
    await vi.waitFor(() => expect(again.peers).toHaveLength(1), PATIENCE)
    again.peers[0]?.subscribe('kv')
    events.onSlots([slot(0, [1, 2])])
    const reader = new KvEventReader(BLOCK)
    reader.read((await again.peers[0]?.next()) ?? [])
    expect(reader.longest([1, 2])).toBe(1)
    expect(log.warn).toHaveBeenCalledWith(expect.anything(), 'KV events have no reader')
  })
})

describe('misbehaving peers', () => {
  const greeting = (version: number, mechanism: string): Buffer =>
    Buffer.concat([
      Buffer.from('ff00000000000000017f', 'hex'),
      Buffer.from([version, 0]),
      Buffer.from(mechanism.padEnd(52, '\0')),
    ])
  const ready = (type: string): Buffer => {
    const data = Buffer.concat([Buffer.from('\x05READY'), property('Socket-Type', type)])
    return Buffer.concat([greeting(3, 'NULL'), Buffer.from([4, data.length]), data])
  }
  const subscriptions = Buffer.concat(Array.from({ length: 20 }, (_, n) => Buffer.from([0, 2, 1, n])))

  it.each([
    ['speaks HTTP', Buffer.from(`GET / HTTP/1.1\r\nhost: x\r\n\r\n${' '.repeat(64)}`)],
    ['speaks an older ZMTP', greeting(1, 'NULL')],
    ['wants another mechanism', greeting(3, 'CURVE')],
    ['is a socket of another type', ready('PUSH')],
    ['says who it is not', Buffer.concat([greeting(3, 'NULL'), Buffer.from('\x04\x08\x05READY\x0bx')])],
    ['speaks before it is ready', Buffer.concat([greeting(3, 'NULL'), Buffer.from([0, 1, 1])])],
    ['says too much at once', Buffer.concat([ready('SUB'), Buffer.from([2]), Buffer.alloc(8, 0x7f)])],
    ['never ends a message', Buffer.concat([ready('SUB'), Buffer.alloc(40, Buffer.from([1, 0]))])],
    ['has too many subscriptions', Buffer.concat([ready('SUB'), subscriptions])],
  ])('a peer that %s is disconnected, and the others stay', async (_what, bytes) => {
    const { events, port } = await open()
    const good = await subscriber(port)
    await good.next()
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.resume()
    socket.write(bytes)
    // Sooner than for its silence.
    await once(socket, 'close', { signal: AbortSignal.timeout(8000) })
    events.onSlots([slot(0, [1, 2])])
    expect(await good.next()).toHaveLength(3)
  })

  it('peers are accepted up to a maximum number', async () => {
    const { port } = await open()
    const clients: ZmqClient[] = []
    for (let index = 0; index < 66; index++) clients.push(await ZmqClient.connect(port, 'SUB'))
    closing.push(() => {
      for (const client of clients) client.close()
    })
    await vi.waitFor(() => expect(clients.filter(({ closed }) => closed)).toHaveLength(2), PATIENCE)
  })
})

describe('replay', () => {
  const number = (value: bigint): Buffer => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64BE(value)
    return bytes
  }

  it('a replay repeats events from a sequence number on, and marks its end', async () => {
    const { events, replayPort } = await open({ replayEndpoint: LOOPBACK })
    // Nobody subscribes, and yet all is kept.
    for (let index = 0; index < 5; index++) events.onSlots([slot(0, [index, index])])
    const dealer = await ZmqClient.connect(replayPort, 'DEALER')
    closing.push(() => dealer.close())
    for (const from of [0n, 3n, 9n]) {
      dealer.send(Buffer.alloc(0), number(from))
      const told: bigint[] = []
      for (;;) {
        const [delimiter, topic, sequence, payload] = await dealer.next()
        expect(delimiter).toHaveLength(0)
        if (payload?.length === 0) {
          expect([topic?.length, sequence?.readBigInt64BE()]).toEqual([0, -1n])
          break
        }
        expect(topic?.toString()).toBe('kv@10.0.0.1:8080@m')
        told.push(sequence?.readBigUInt64BE() ?? -1n)
      }
      expect(told).toEqual([0n, 1n, 2n, 3n, 4n].filter((sequence) => sequence >= from))
    }
  })

  it('a replay keeps the last batches only', async () => {
    const { events, replayPort } = await open({ replayEndpoint: LOOPBACK })
    for (let index = 0; index < 10_100; index++) events.onSlots([slot(0, [index, index])])
    const dealer = await ZmqClient.connect(replayPort, 'DEALER')
    closing.push(() => dealer.close())
    dealer.send(Buffer.alloc(0), number(0n))
    const [, , sequence] = await dealer.next()
    expect(sequence?.readBigUInt64BE()).toBe(100n)
    await vi.waitFor(() => expect(dealer.messages.at(-1)?.[3]).toHaveLength(0), PATIENCE)
    expect(dealer.messages).toHaveLength(10_000)
  })

  it('a peer that asks the replay socket for anything else is disconnected', async () => {
    const { replayPort } = await open({ replayEndpoint: LOOPBACK })
    const dealer = await ZmqClient.connect(replayPort, 'DEALER')
    dealer.send(Buffer.from('all of it'))
    await expect(dealer.next()).rejects.toThrow('closed')
  })
})

describe('an endpoint that cannot be listened on', () => {
  it('an endpoint that cannot be listened on is reported', async () => {
    const { port } = await open()
    const options = {
      endpoint: { listens: true, host: '127.0.0.1', port },
      flag: '--kv-events-endpoint',
      log,
    }
    await expect(
      Publisher.open({ ...options, metrics: new Metrics('m'), topic: '', onListener: () => undefined }),
    ).rejects.toMatchObject({
      name: 'ConfigError',
      message: `Cannot listen on 127.0.0.1:${port}: the port is in use. Choose another with --kv-events-endpoint`,
    })
  })
})
