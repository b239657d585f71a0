import { describe, expect, it } from 'vitest'
import { NoPrefixSlotCache } from '../../../src/kvcache/no-prefix-slot-cache.ts'
import { ParkedPrefixes } from '../../../src/kvcache/parked-prefixes.ts'
import { scopeOf, sharedTokens } from '../../../src/kvcache/prefix.ts'
import { PrefixSlotCache } from '../../../src/kvcache/prefix-slot-cache.ts'
import { SlotBlocks } from '../../../src/kvcache/slot-blocks.ts'
import type { SlotCache } from '../../../src/kvcache/slot-cache.ts'
import { transfersByLength } from '../../../src/kvcache/transfer-rule.ts'
import { BlockIndex } from '../../../src/observability/kv-events/block-index.ts'
import { blockRemoved, blockStored, encodeBatch } from '../../../src/observability/kv-events/wire-format.ts'
import type { EngineLimits } from '../../../src/protocol/engine.ts'
import type { Scheduler } from '../../../src/scheduler/scheduler.ts'
import type { Sequence } from '../../../src/scheduler/sequence.ts'
import { KvEventReader } from '../../support/kv-event-reader.ts'
import { random } from '../../support/random.ts'
import { sequenceOf } from '../../support/sequences.ts'
import { SimulatedEngine } from '../../support/simulated-engine.ts'
import { drain, workload } from '../../support/workload.ts'

const BLOCK = 3
const limits: EngineLimits = { slots: 3, contextSize: 64, batchTokens: 7 }
const adapters = [undefined, undefined, 'a'] as const

/** From the engine's process to a router, without the sockets between them. */
class Told {
  readonly reader = new KvEventReader(BLOCK)
  readonly #blocks = new SlotBlocks(BLOCK)
  readonly #index = new BlockIndex(BLOCK, 'model')
  events = 0

  hear(scheduler: Scheduler): void {
    const { stored, removed } = this.#index.apply(this.#blocks.changes(scheduler))
    const events = stored.map((chain) => blockStored(chain, BLOCK, chain[0]?.adapter))
    if (removed.length > 0) events.unshift(blockRemoved(removed))
    this.events += events.length
    this.reader.readBatch(encodeBatch(events))
  }
}

/** Runs many sequences with all that may happen to them; looks at what was told after each step. */
async function run(
  seed: number,
  cache: SlotCache,
  check: (told: Told, engine: SimulatedEngine, sequences: readonly Sequence[]) => void,
): Promise<Told> {
  const engine = new SimulatedEngine(limits, {
    fault: (batch) =>
      batch.length > 1 && (batch[0]?.start ?? 0) % 11 === 7
        ? { entry: 1, error: new Error('it failed') }
        : undefined,
  })
  await engine.loadAdapter('a')
  const below = random(seed)
  const sequences = workload(below).map((params, index) =>
    sequenceOf({
      ...params,
      adapter: adapters[below(adapters.length)],
      cacheScope: index % 5 === 0 ? 'somebody' : '',
    }),
  )
  const told = new Told()
  await drain(sequences, engine, cache, random(seed * 7), (scheduler) => {
    told.hear(scheduler)
    check(told, engine, sequences)
  })
  return told
}

/** Each block that was told is in a slot, behind all that it is told to be behind, computed with its adapter. */
function sound({ reader }: Told, engine: SimulatedEngine): void {
  const slots = Array.from({ length: limits.slots }, (_, slot) => engine.held(slot))
  for (const [hash, { adapter }] of reader.blocks) {
    const prefix = reader.prefix(hash)
    const holds = slots.some((cells) =>
      prefix.every(
        (token, index) => cells[index]?.token === token && (cells[index].adapter ?? null) === adapter,
      ),
    )
    if (!holds) throw new Error(`no slot holds ${prefix.join()}`)
  }
}

/** What a prompt would find in slots that are free or busy: whole blocks, by the cache's own account. */
function findable(cache: SlotCache, sequences: readonly Sequence[], tokens: number[], adapter?: string) {
  const prompt = { scope: scopeOf('', adapter), tokens: [...tokens, -1] }
  const busy = sequences
    .filter(({ slot }) => slot !== undefined)
    .map((sequence) => Math.min(sharedTokens(sequence, prompt), sequence.computed))
  return Math.floor(Math.max(cache.find(prompt) ?? 0, ...busy) / BLOCK)
}

describe('KV events of the slots', () => {
  it('KV events are exactly the blocks that a prompt would find in the slots, after each step', async () => {
    let events = 0
    let found = 0
    for (let seed = 1; seed <= 60; seed++) {
      const cache = new PrefixSlotCache(limits.slots)
      const told = await run(seed, cache, (heard, engine, sequences) => {
        sound(heard, engine)
        for (const { tokens } of sequences) {
          for (const adapter of [undefined, 'a']) {
            const blocks = heard.reader.longest(tokens, adapter ?? null)
            expect(blocks).toBe(findable(cache, sequences, tokens, adapter))
            found += blocks
          }
        }
      })
      events += told.events
    }
    // The runs are of a kind in which there is much to tell.
    expect(events).toBeGreaterThan(1000)
    expect(found).toBeGreaterThan(10_000)
  })

  it('KV events never have a block that no slot holds, where prefixes are parked and restored', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const parked = new ParkedPrefixes(2000)
      await run(seed, new PrefixSlotCache(limits.slots, parked, transfersByLength(1)), sound)
    }
  })

  it('KV events have no block of a single tenant or salt', async () => {
    const cache = new PrefixSlotCache(1)
    const engine = new SimulatedEngine({ ...limits, slots: 1 })
    const told = new Told()
    const sequence = (id: string, cacheScope: string): Sequence =>
      sequenceOf({ ...workload(random(3))[0], id, prompt: [1, 2, 3, 4, 5, 6, 7], cacheScope } as never)
    const hear = (scheduler: Scheduler): void => told.hear(scheduler)
    await drain([sequence('a', '')], engine, cache, undefined, hear)
    expect(told.reader.longest([1, 2, 3, 4, 5, 6])).toBe(2)
    await drain([sequence('b', 'somebody')], engine, cache, undefined, hear)
    expect(told.reader.blocks.size).toBe(0)
  })

  it('KV events are empty where no prefix can be reused', async () => {
    const told = await run(1, new NoPrefixSlotCache(limits.slots), () => undefined)
    expect(told.events).toBe(0)
  })
})

describe('SlotBlocks', () => {
  it('SlotBlocks reports only new blocks', () => {
    const blocks = new SlotBlocks(2)
    const tokens = [1, 2, 3, 4, 5]
    const changes = (scope: string, list: number[], count: number) =>
      blocks.changes({ held: (show) => show(0, { scope, tokens: list }, count) })
    expect(changes('', tokens, 3)).toEqual([
      { slot: 0, kept: 0, tokens: Uint32Array.of(1, 2), adapter: undefined },
    ])
    expect(changes('', tokens, 3)).toEqual([])
    tokens.push(6)
    expect(changes('', tokens, 6)).toMatchObject([{ kept: 1, tokens: Uint32Array.of(3, 4, 5, 6) }])
    // Another list of the same tokens.
    expect(changes('', [...tokens], 6)).toEqual([])
    expect(changes('', [1, 2, 9, 9], 4)).toMatchObject([{ kept: 1, tokens: Uint32Array.of(9, 9) }])
    expect(changes(' x', [1, 2], 2)).toMatchObject([{ kept: 0, tokens: Uint32Array.of(1, 2), adapter: 'x' }])
    expect(changes('owner', [1, 2], 2)).toMatchObject([{ kept: 0, tokens: Uint32Array.of() }])
    expect(changes('owner', [1, 2], 2)).toEqual([])
  })
})

describe('BlockIndex', () => {
  const change = (slot: number, kept: number, tokens: number[], adapter?: string) => ({
    slot,
    kept,
    tokens: Uint32Array.from(tokens),
    adapter,
  })

  it('BlockIndex stores a block of several slots once, and removes it with the last of them', () => {
    const index = new BlockIndex(2, 'm')
    const first = index.apply([change(0, 0, [1, 2, 3, 4]), change(1, 0, [1, 2, 5, 6])])
    expect(first.stored.map((chain) => chain.map(({ tokens }) => [...tokens]))).toEqual([
      [
        [1, 2],
        [3, 4],
      ],
      [[5, 6]],
    ])
    expect(first.stored[1]?.[0]?.parent).toBe(first.stored[0]?.[0])
    expect(index.apply([change(0, 0, [])]).removed.map(({ tokens }) => [...tokens])).toEqual([[3, 4]])
    // One slot forgets what another takes over.
    expect(index.apply([change(1, 0, []), change(2, 0, [1, 2])])).toMatchObject({ stored: [], removed: [{}] })
    expect(index.chains().flat()).toHaveLength(1)
    expect(index.count).toBe(1)
  })

  it('BlockIndex gives equal blocks the same hash in every server, and others another', () => {
    const hashes = (model: string, tokens: number[], adapter?: string) =>
      new BlockIndex(2, model)
        .apply([change(0, 0, tokens, adapter)])
        .stored.flat()
        .map(({ hash }) => hash)
    const some = hashes('m', [1, 2, 1, 2])
    expect(hashes('m', [1, 2, 1, 2])).toEqual(some)
    const all = [some, hashes('m', [2, 1, 1, 2]), hashes('m', [1, 2], 'x'), hashes('other', [1, 2])].flat()
    expect(new Set(all).size).toBe(all.length)
  })
})
