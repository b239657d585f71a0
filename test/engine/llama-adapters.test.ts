import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openLlama } from '../../src/engine/llama/engine.ts'
import { NoPrefixSlotCache } from '../../src/kvcache/no-prefix-slot-cache.ts'
import { ParkedPrefixes } from '../../src/kvcache/parked-prefixes.ts'
import { PrefixSlotCache } from '../../src/kvcache/prefix-slot-cache.ts'
import { transfersByLength } from '../../src/kvcache/transfer-rule.ts'
import type { AdapterHost, Engine } from '../../src/protocol/engine.ts'
import { Scheduler } from '../../src/scheduler/scheduler.ts'
import type { Sequence } from '../../src/scheduler/sequence.ts'
import { ADAPTED_GAP, builtIn, writeLoraAdapter } from '../support/lora-adapter.ts'
import { random } from '../support/random.ts'
import { expectSame, toldBy } from '../support/same-text.ts'
import { sequenceOf } from '../support/sequences.ts'
import { SimulatedEngine } from '../support/simulated-engine.ts'
import { drain, greedy, workload } from '../support/workload.ts'

const folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
afterAll(() => rmSync(folder, { recursive: true }))
const ADAPTERS = [undefined, 'one', 'two'] as const
const limits = { slots: 3, contextSize: 128, batchTokens: 16 }

async function llama(): Promise<Engine & AdapterHost> {
  return (await openLlama({ modelPath: builtIn, ...limits, threads: 1, gpuLayers: 0, kvCacheType: 'f16' }))
    .engine
}

describe.each([
  ['the simulated engine', async (): Promise<Engine & AdapterHost> => new SimulatedEngine(limits)],
  ['llama.cpp', llama],
])('adapters with %s', (name, open) => {
  let engine: Engine & AdapterHost
  beforeAll(async () => {
    engine = await open()
    for (const [index, id] of ['one', 'two'].entries()) {
      const path = join(folder, `${name} ${id}.gguf`)
      await writeLoraAdapter(path, 3 + index)
      await engine.loadAdapter(id, path)
    }
  })
  afterAll(() => engine.close())

  it(`adapters change the output of their own requests only, on ${name}`, async () => {
    const said: Sequence[] = []
    for (const adapter of [...ADAPTERS, ...ADAPTERS]) {
      const prompt = Array.from({ length: 20 }, (_, at) => 40 + at)
      const one = sequenceOf({
        id: `${adapter} ${said.length}`,
        prompt,
        maxTokens: 12,
        stopTokens: [],
        sampling: greedy,
        adapter,
        logprobs: { top: 5, prompt: false },
      })
      await drain([one], engine, new NoPrefixSlotCache(3))
      said.push(one)
    }
    const [first, again] = [said.slice(0, 3).map(toldBy), said.slice(3).map(toldBy)]
    expectSame(again, first, ADAPTED_GAP)
    expect(new Set(first.map(({ tokens }) => tokens.join())).size).toBe(3)
  })

  it(`sequences of several adapters get the tokens that each gets alone, with one prefix cache, on ${name}`, async () => {
    const rounds = name === 'llama.cpp' ? 6 : 60
    for (let seed = 1; seed <= rounds; seed++) {
      // Equal prompts with different adapters, cancels and transfers that fail among them.
      const params = workload(random(seed)).map((one, index) => ({
        ...one,
        prompt: one.prompt.map((token) => 60 + 7 * token),
        adapter: ADAPTERS[index % 3],
        logprobs: { top: 5, prompt: false },
      }))
      const alone: Sequence[] = []
      for (const one of params) {
        const sequence = sequenceOf({ ...one, id: `alone ${one.id}` })
        await drain([sequence], engine, new NoPrefixSlotCache(3))
        alone.push(sequence)
      }
      const cache = new PrefixSlotCache(limits.slots, new ParkedPrefixes(1e8), transfersByLength(1))
      const together = params.map(sequenceOf)
      await drain(together, engine, cache, random(seed * 7))
      expectSame(together.map(toldBy), alone.map(toldBy), ADAPTED_GAP)
    }
  })

  it(`an adapter is unloaded and loaded again, on ${name}`, async () => {
    await engine.unloadAdapter('two')
    await engine.unloadAdapter('two')
    const path = join(folder, `${name} two.gguf`)
    await engine.loadAdapter('two', path)
    const one = sequenceOf({
      id: 'again',
      prompt: [50, 51],
      maxTokens: 3,
      stopTokens: [],
      sampling: greedy,
      adapter: 'two',
    })
    await drain([one], engine, new NoPrefixSlotCache(3))
    expect(one.end).toBe('length')
  })
})

describe('the scheduler with adapters', () => {
  const asked = (id: string, adapter: string | undefined, length = 4, maxTokens = 30): Sequence =>
    sequenceOf({
      id,
      prompt: Array.from({ length }, (_, at) => at),
      maxTokens,
      stopTokens: [],
      sampling: greedy,
      adapter,
    })

  it('three adapters take turns, and a stream of each has a token in every third pass', async () => {
    const engine = new SimulatedEngine(limits)
    for (const id of ['one', 'two']) await engine.loadAdapter(id)
    const scheduler = new Scheduler(limits, new PrefixSlotCache(3))
    const streams = ADAPTERS.map((adapter, index) => asked(String(index), adapter))
    for (const stream of streams) scheduler.add(stream)
    const gaps = streams.map(() => 0)
    for (let pass = 0; streams.every(({ end }) => end === undefined); pass++) {
      const batch = scheduler.schedule()
      expect(new Set(batch.map(({ adapter }) => adapter)).size).toBe(1)
      scheduler.commit(batch, await engine.step(batch))
      scheduler.checkInvariants()
      for (const [index, stream] of streams.entries()) {
        gaps[index] = batch.some(({ sequence }) => sequence === stream) ? 0 : (gaps[index] ?? 0) + 1
        if (pass > 2) expect(gaps[index]).toBeLessThan(3)
      }
    }
  })

  it('a stream that waits for the turn of its adapter does not move to another slot', async () => {
    const wide = { slots: 6, contextSize: 128, batchTokens: 64 }
    for (let seed = 1; seed <= 60; seed++) {
      const engine = new SimulatedEngine(wide)
      for (const id of ['one', 'two']) await engine.loadAdapter(id)
      const params = workload(random(seed)).map((one, index) => ({
        ...one,
        stopTokens: [],
        maxTokens: index % 2 === 0 ? 3 : 40,
        adapter: ADAPTERS[index % 3],
      }))
      const together = params.map(sequenceOf)
      await drain(together, engine, new PrefixSlotCache(wide.slots), random(seed * 11))
      for (const [index, one] of together.entries()) {
        const alone = sequenceOf({ ...params[index], id: 'alone' } as (typeof params)[0])
        await drain([alone], engine, new NoPrefixSlotCache(6))
        expect(one.tokens).toEqual(
          alone.tokens.slice(0, one.end === 'cancelled' ? one.tokens.length : undefined),
        )
      }
    }
  })

  it('no later request overtakes one that waits for another adapter', async () => {
    const engine = new SimulatedEngine(limits)
    await engine.loadAdapter('one')
    const scheduler = new Scheduler(limits, new PrefixSlotCache(3))
    for (let i = 0; i < 3; i++) scheduler.add(asked(`first ${i}`, undefined, 4, 5 + 3 * i))
    const waiting = asked('waiting', 'one', 4, 2)
    scheduler.add(waiting)
    const behind = Array.from({ length: 20 }, (_, i) => asked(`behind ${i}`, undefined, 4, 4))
    for (const sequence of behind) scheduler.add(sequence)
    for (let pass = 0; waiting.end === undefined; pass++) {
      expect(pass).toBeLessThan(12)
      const batch = scheduler.schedule()
      scheduler.commit(batch, await engine.step(batch))
      if (waiting.slot === undefined && waiting.end === undefined)
        expect(behind.every(({ slot }) => slot === undefined)).toBe(true)
    }
  })
})
