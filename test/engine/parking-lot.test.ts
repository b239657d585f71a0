import { mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { StepMessage } from '../../src/children/protocol.ts'
import { ParkingLot } from '../../src/engine/parking-lot.ts'
import { SimulatedEngine } from '../../src/engine/simulated.ts'
import { StepLoop } from '../../src/engine/step-loop.ts'
import { ParkedPrefixes } from '../../src/kvcache/parked-prefixes.ts'
import { PrefixSlotCache } from '../../src/kvcache/prefix-slot-cache.ts'
import { Scheduler } from '../../src/scheduler/scheduler.ts'
import { Sequence } from '../../src/scheduler/sequence.ts'
import { greedy } from '../support/workload.ts'

const limits = { slots: 1, contextSize: 128, batchTokens: 64 }
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A server with one slot, asked one thing after the other. */
async function start() {
  const engine = new SimulatedEngine(limits)
  const parked = new ParkedPrefixes(100_000)
  const parking = await ParkingLot.open(engine, parked, folder, process.pid)
  const scheduler = new Scheduler(limits, new PrefixSlotCache(limits.slots, parked, 8))
  let over: (message: StepMessage) => void = () => undefined
  const loop = new StepLoop({
    engine,
    scheduler,
    parking,
    now: () => performance.now(),
    onStep: (message) => message.events.some(({ finish }) => finish !== undefined) && over(message),
  })
  const stop = new AbortController()
  const running = loop.run(stop.signal)
  let asked = 0
  return {
    parking,
    /** Resolves to the tokens generated, and how many of the prompt were found. */
    ask: async (prompt: readonly number[]) => {
      const one = new Sequence({
        id: String(asked++),
        prompt,
        maxTokens: 5,
        stopTokens: [],
        sampling: greedy,
      })
      await new Promise<StepMessage>((resolve) => {
        over = resolve
        loop.add(one)
      })
      return { answer: one.tokens.slice(prompt.length), cached: one.cached }
    },
    stop: async () => {
      stop.abort()
      await running
      await parking.close()
    },
  }
}

const prompt = (first: number): number[] => [first, ...Array.from({ length: 40 }, (_, i) => i)]
const files = (): string[] => readdirSync(join(folder, `altiplano-kv-${process.pid}`))

describe('ParkingLot', () => {
  it('brings back a conversation that had to leave its slot', async () => {
    const { ask, parking, stop } = await start()
    const first = await ask(prompt(1))
    await ask(prompt(2))
    expect(await ask(prompt(1))).toEqual({ ...first, cached: 40 })
    expect(parking.stats).toMatchObject({ parked: 2, restored: 1, parkingFailed: 0 })
    await stop()
    expect(readdirSync(folder)).toEqual([])
  })

  it('computes again what cannot be read', async () => {
    const { ask, parking, stop } = await start()
    const first = await ask(prompt(1))
    await ask(prompt(2))
    for (const name of files()) truncateSync(join(folder, `altiplano-kv-${process.pid}`, name), 9)
    expect(await ask(prompt(1))).toEqual({ ...first, cached: 0 })
    expect(parking.stats).toMatchObject({ restored: 0, parkingFailed: 1 })
    await stop()
  })

  it('goes on without what cannot be written', async () => {
    const { ask, parking, stop } = await start()
    const first = await ask(prompt(1))
    rmSync(join(folder, `altiplano-kv-${process.pid}`), { recursive: true })
    await ask(prompt(2))
    expect(await ask(prompt(1))).toEqual({ ...first, cached: 0 })
    expect(parking.stats).toMatchObject({ parked: 0, parkedBytes: 0 })
    await stop()
  })

  it('removes what an engine or a server that is gone left behind, and nothing else', async () => {
    const engine = new SimulatedEngine(limits)
    await ParkingLot.open(engine, new ParkedPrefixes(1), folder, 999_999_999)
    await ParkingLot.open(engine, new ParkedPrefixes(1), folder, process.ppid)
    await ParkingLot.open(engine, new ParkedPrefixes(1), folder, process.pid)
    await ParkingLot.open(engine, new ParkedPrefixes(1), folder, process.pid)
    expect(readdirSync(folder).sort()).toEqual(
      [`altiplano-kv-${process.pid}`, `altiplano-kv-${process.ppid}`].sort(),
    )
  })
})
