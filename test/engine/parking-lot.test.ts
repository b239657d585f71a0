import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ParkingLot } from '../../src/engine/parking/parking-lot.ts'
import { StepLoop } from '../../src/engine/step-loop.ts'
import { ParkedPrefixes } from '../../src/kvcache/parked-prefixes.ts'
import { PrefixSlotCache } from '../../src/kvcache/prefix-slot-cache.ts'
import { transfersByLength } from '../../src/kvcache/transfer-rule.ts'
import type { StepMessage } from '../../src/protocol/engine-messages.ts'
import { Scheduler } from '../../src/scheduler/scheduler.ts'
import { PATIENCE } from '../support/patience.ts'
import { sequenceOf } from '../support/sequences.ts'
import { SimulatedEngine } from '../support/simulated-engine.ts'
import { greedy } from '../support/workload.ts'

const limits = { slots: 1, contextSize: 128, batchTokens: 64 }
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A server with one slot, asked one thing after the other. */
async function start(keepAs?: string) {
  const engine = new SimulatedEngine(limits)
  const parked = new ParkedPrefixes(100_000)
  const parking = await ParkingLot.open(engine, parked, { folder, keepAs })
  const cache = new PrefixSlotCache(limits.slots, parked, transfersByLength(8))
  const scheduler = new Scheduler(limits, cache)
  let over: (message: StepMessage) => void = () => undefined
  const loop = new StepLoop({
    engine,
    scheduler,
    parking,
    idle: () => cache.idle(),
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
      const one = sequenceOf({
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
      await parking.close(cache.idle())
    },
  }
}

const prompt = (first: number): number[] => [first, ...Array.from({ length: 40 }, (_, i) => i)]
const own = `altiplano-kv-${process.ppid}`
const files = (): string[] => readdirSync(join(folder, own))

describe('ParkingLot', () => {
  it('ParkingLot keeps the files it has written when it is stopped before the others', async () => {
    const content = (slot: number) => ({ slot, scope: '', tokens: prompt(slot) })
    const engine = new SimulatedEngine({ ...limits, slots: 2 })
    const lot = await ParkingLot.open(engine, new ParkedPrefixes(100_000), { folder, keepAs: 'model' })
    vi.spyOn(engine, 'save').mockImplementation((slot, path) => {
      if (slot === 1) return new Promise<never>(() => undefined)
      writeFileSync(path, 'keys and values')
      return Promise.resolve(15)
    })
    void lot.close([content(0), content(1)])
    await vi.waitFor(() => expect(engine.save).toHaveBeenCalledTimes(2), PATIENCE)
    const again = new ParkedPrefixes(100_000)
    await ParkingLot.open(engine, again, { folder, keepAs: 'model' })
    expect(again.find({ scope: '', tokens: prompt(0) })?.shared).toBe(41)
    expect(again.count).toBe(1)
  })

  it('ParkingLot restores a conversation that had to leave its slot', async () => {
    const { ask, parking, stop } = await start()
    const first = await ask(prompt(1))
    await ask(prompt(2))
    expect(await ask(prompt(1))).toEqual({ ...first, cached: 40 })
    expect(parking.stats).toMatchObject({ parked: 2, restored: 1, parkingFailed: 0 })
    await stop()
    expect(readdirSync(folder)).toEqual([])
  })

  it('ParkingLot writes its files, labels included, for its own user only', async () => {
    const { ask, stop } = await start('model')
    await ask(prompt(1))
    await ask(prompt(2))
    await stop()
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name))
    const modes = files.map((file) => statSync(file)).filter((stats) => stats.isFile())
    expect(modes.map(({ mode }) => mode & 0o777)).toEqual([0o600, 0o600, 0o600, 0o600])
  })

  it('ParkingLot parks idle slots once', async () => {
    const { ask, parking, stop } = await start()
    const first = await ask(prompt(1))
    expect(parking.stats.parked).toBe(0)
    await vi.waitFor(() => expect(parking.stats.parked).toBe(1), PATIENCE)
    await pause(700)
    expect(parking.stats.parked).toBe(1)
    // The slot is taken without a transfer, and what it held is found again.
    await ask(prompt(2))
    expect(parking.stats.parked).toBe(1)
    expect(await ask(prompt(1))).toEqual({ ...first, cached: 40 })
    await stop()
  })

  it('ParkingLot does not retry a failed write again and again', async () => {
    const { ask, parking, stop } = await start()
    await ask(prompt(1))
    rmSync(join(folder, own), { recursive: true })
    await vi.waitFor(() => expect(parking.stats.parkingFailed).toBe(1), PATIENCE)
    await pause(700)
    expect(parking.stats.parkingFailed).toBe(1)
    await stop()
  })

  it('ParkingLot lets a prompt be computed again when its file cannot be read', async () => {
    const { ask, parking, stop } = await start()
    const first = await ask(prompt(1))
    await ask(prompt(2))
    for (const name of files()) truncateSync(join(folder, own, name), 9)
    expect(await ask(prompt(1))).toEqual({ ...first, cached: 0 })
    expect(parking.stats).toMatchObject({ restored: 0, parkingFailed: 1 })
    await stop()
  })

  it('ParkingLot serves on when its files cannot be written', async () => {
    const { ask, parking, stop } = await start()
    const first = await ask(prompt(1))
    rmSync(join(folder, own), { recursive: true })
    await ask(prompt(2))
    expect(await ask(prompt(1))).toEqual({ ...first, cached: 0 })
    expect(parking.stats).toMatchObject({ parked: 0, parkedBytes: 0 })
    await stop()
  })

  it('ParkingLot removes the folders of ended servers, and nothing else', async () => {
    const engine = new SimulatedEngine(limits)
    for (const name of ['altiplano-kv-999999999', own, `altiplano-kv-${process.pid}`, 'other']) {
      mkdirSync(join(folder, name), { mode: 0o700 })
      writeFileSync(join(folder, name, 'left'), '')
    }
    await ParkingLot.open(engine, new ParkedPrefixes(1), { folder, keepAs: undefined })
    expect(readdirSync(folder).sort()).toEqual([own, `altiplano-kv-${process.pid}`, 'other'].sort())
    expect(files()).toEqual([])
  })

  describe('a parking folder that outlives the server', () => {
    const home = (): string => {
      const [name] = readdirSync(folder).filter((each) => each.startsWith('altiplano-kept-'))
      return join(folder, name ?? '')
    }
    const kept = (): string[] => readdirSync(home())

    async function firstLife(): Promise<{ answer: number[] }> {
      const { ask, stop } = await start('model A')
      await ask(prompt(2))
      const first = await ask(prompt(1))
      await stop()
      expect(kept()).toHaveLength(4)
      return first
    }

    it('ParkingLot restores conversations of the server before, those in slots too', async () => {
      const { answer } = await firstLife()
      const { ask, parking, stop } = await start('model A')
      expect(parking.stats.parkedBytes).toBeGreaterThan(0)
      expect(await ask(prompt(1))).toEqual({ answer, cached: 40 })
      expect((await ask(prompt(2))).cached).toBe(40)
      await stop()
    })

    it('ParkingLot restores nothing of another model', async () => {
      const { answer } = await firstLife()
      const { ask, stop } = await start('model B')
      expect(await ask(prompt(1))).toEqual({ answer, cached: 0 })
      await stop()
      const again = await start('model A')
      expect((await again.ask(prompt(1))).cached).toBe(40)
      await again.stop()
    })

    it('ParkingLot never gives a damaged file to the engine', async () => {
      const { answer } = await firstLife()
      for (const name of kept()) {
        if (name.endsWith('.json')) continue
        const path = join(home(), name)
        // Still what the engine would take: only the checksum tells.
        writeFileSync(path, `${readFileSync(path, 'utf8')} `)
      }
      const { ask, parking, stop } = await start('model A')
      expect(await ask(prompt(1))).toEqual({ answer, cached: 0 })
      expect(parking.stats.parkingFailed).toBe(1)
      await stop()
    })

    it('ParkingLot ignores foreign and damaged labels', async () => {
      await firstLife()
      for (const [index, name] of kept()
        .filter((file) => file.endsWith('.json'))
        .entries()) {
        writeFileSync(join(home(), name), ['{"keepAs":"model A","tokens":["x"]}', '{'][index] ?? '')
      }
      writeFileSync(join(home(), 'notes.txt'), 'of somebody')
      const { parking, stop } = await start('model A')
      expect([kept(), parking.stats.parkedBytes]).toEqual([['notes.txt'], 0])
      await stop()
    })

    it('ParkingLot keeps what it has taken over after a start that ends without a stop', async () => {
      await firstLife()
      await start('model A')
      const { ask, stop } = await start('model A')
      expect((await ask(prompt(1))).cached).toBe(40)
      await stop()
    })

    it('ParkingLot refuses a folder that is a link, or open to other users', async () => {
      await firstLife()
      const elsewhere = join(folder, 'elsewhere')
      const place = home()
      renameSync(place, elsewhere)
      symlinkSync(elsewhere, place)
      await expect(start('model A')).rejects.toThrow('not a directory of this user alone')
      expect(readdirSync(elsewhere)).toHaveLength(4)
      rmSync(place)
      renameSync(elsewhere, place)
      chmodSync(place, 0o755)
      await expect(start('model A')).rejects.toThrow('not a directory of this user alone')
    })
  })
})
