import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { BatchEntry, EngineLimits } from '../../src/engine/engine.ts'
import { type LlamaEngine, openLlama } from '../../src/engine/llama.ts'
import type { NativeContext } from '../../src/engine/llama-addon.ts'
import { probeNative } from '../../src/engine/llama-native.ts'
import { NoPrefixSlotCache } from '../../src/kvcache/no-prefix-slot-cache.ts'
import { Scheduler } from '../../src/scheduler/scheduler.ts'
import { Sequence } from '../../src/scheduler/sequence.ts'
import { greedy } from '../support/workload.ts'
import { engineContract } from './engine.contract.ts'

const modelPath = fileURLToPath(new URL('../../models/altiplano-demo.gguf', import.meta.url))
const limits: EngineLimits = { slots: 4, contextSize: 256, batchTokens: 32 }
let engine: LlamaEngine
/** The slots of each native decode, in the order of its rows. */
const decodes: number[][] = []

function recording(context: NativeContext): NativeContext {
  let rows: number[] = []
  return {
    initBatch: (size) => {
      rows = []
      context.initBatch(size)
    },
    addToBatch: (...args) => {
      rows.push(args[0])
      return context.addToBatch(...args)
    },
    decodeBatch: () => {
      decodes.push(rows)
      return context.decodeBatch()
    },
    sampleToken: (...args) => context.sampleToken(...args),
    removeTokenCellsFromSequence: (...args) => context.removeTokenCellsFromSequence(...args),
    disposeSequence: (sequence) => context.disposeSequence(sequence),
    copySequenceStateFromOtherSequence: (...args) => context.copySequenceStateFromOtherSequence(...args),
    saveSequenceStateToFile: (...args) => context.saveSequenceStateToFile(...args),
    loadSequenceStateFromFile: (...args) => context.loadSequenceStateFromFile(...args),
    setThreads: (threads) => context.setThreads(threads),
    setLoras: (adapters, scales) => context.setLoras(adapters, scales),
  }
}

beforeAll(async () => {
  const opened = await openLlama({
    modelPath,
    ...limits,
    threads: 1,
    gpuLayers: 0,
    kvCacheType: 'f16',
    watch: recording,
  })
  engine = opened.engine
  expect(opened.info.prefixReuse).toBe(true)
})
afterAll(() => engine.close())

const entry = (more: Partial<BatchEntry> & Pick<BatchEntry, 'slot' | 'tokens'>): BatchEntry => ({
  id: `x${more.slot}`,
  start: 0,
  sample: greedy,
  history: more.tokens,
  promptLength: more.tokens.length,
  ...more,
})

describe('LlamaEngine on a real GGUF', () => {
  engineContract(() => engine)

  it('keeps the whole of the context it promises', async () => {
    const tokens = Array.from({ length: limits.contextSize }, (_, i) => 40 + (i % 50))
    for (let start = 0; start < tokens.length; start += limits.batchTokens) {
      const [result] = await engine.step([
        entry({ slot: 0, start, tokens: tokens.slice(start, start + limits.batchTokens), history: tokens }),
      ])
      expect(result).not.toBeInstanceOf(Error)
    }
    const [over] = await engine.step([entry({ slot: 0, start: limits.contextSize, tokens: [41] })])
    expect(over).toBeInstanceOf(Error)
  })

  it.each([-1, 1.5, 2 ** 31, 10_000_000, Number.NaN])(
    'refuses token id %s for its own sequence only',
    async (bad) => {
      const [alone] = await engine.step([entry({ slot: 1, tokens: [50, 51] })])
      const [good, failed] = await engine.step([
        entry({ slot: 1, tokens: [50, 51] }),
        entry({ slot: 2, tokens: [bad] }),
      ])
      expect(failed).toBeInstanceOf(Error)
      expect(good).toBe(alone)
    },
  )

  it('bans a token with a bias of -Infinity, and favours one with a large bias', async () => {
    const [free] = await engine.step([entry({ slot: 0, tokens: [50, 51] })])
    const banned = { ...greedy, logitBias: [[free as number, Number.NEGATIVE_INFINITY] as const] }
    expect((await engine.step([entry({ slot: 0, tokens: [50, 51], sample: banned, id: 'b' })]))[0]).not.toBe(
      free,
    )
    const favoured = { ...greedy, logitBias: [[77, 1000] as const] }
    expect((await engine.step([entry({ slot: 0, tokens: [50, 51], sample: favoured, id: 'f' })]))[0]).toBe(77)
  })

  it('lets penalties reach back over the history', async () => {
    const favoured = { ...greedy, logitBias: [[77, 12] as const] }
    const history = Array.from({ length: 20 }, () => 77)
    const [plain] = await engine.step([entry({ slot: 0, tokens: history, sample: favoured, id: 'p1' })])
    const penalized = { ...favoured, frequencyPenalty: 2 }
    const [other] = await engine.step([entry({ slot: 0, tokens: history, sample: penalized, id: 'p2' })])
    expect(plain).toBe(77)
    expect(other).not.toBe(77)
  })

  it('puts every sequence that the plan holds into one native decode, rows ascending', async () => {
    decodes.length = 0
    const scheduler = new Scheduler(limits, new NoPrefixSlotCache(limits.slots))
    for (let id = 0; id < 9; id++) {
      const prompt = Array.from({ length: 3 + 5 * (id % 3) }, (_, i) => 45 + i + id)
      scheduler.add(
        new Sequence({ id: `d${id}`, prompt, maxTokens: 4 + (id % 4), stopTokens: [], sampling: greedy }),
      )
    }
    const plans: number[][] = []
    for (let batch = scheduler.schedule(); batch.length > 0; batch = scheduler.schedule()) {
      plans.push(batch.map((item) => item.slot))
      scheduler.commit(batch, await engine.step(batch))
    }
    expect(decodes).toEqual(plans)
    expect(decodes.every((slots) => slots.every((slot, i) => i === 0 || slot > (slots[i - 1] ?? -1)))).toBe(
      true,
    )
    expect(Math.max(...decodes.map((slots) => slots.length))).toBe(limits.slots)
  })
})

it('probeNative names what is missing', () => {
  expect(() => probeNative({} as never, {} as never, { initBatch: () => undefined } as never)).toThrow(
    /context\.addToBatch.*AddonSampler.*model\.loadLora.*3\.22\.1/,
  )
})
