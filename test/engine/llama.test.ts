import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NativeContext } from '../../src/engine/llama/addon.ts'
import { type LlamaEngine, openLlama } from '../../src/engine/llama/engine.ts'
import { probeNative } from '../../src/engine/llama/native.ts'
import { NoPrefixSlotCache } from '../../src/kvcache/no-prefix-slot-cache.ts'
import type { BatchEntry, EngineLimits } from '../../src/protocol/engine.ts'
import { Scheduler } from '../../src/scheduler/scheduler.ts'
import { draw } from '../support/drawn.ts'
import { GAP, sampledOf, smallestLead } from '../support/same-text.ts'
import { sequenceOf } from '../support/sequences.ts'
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

/** What is drawn whatever shares its pass: a prompt of which the best two tokens tie is no use here. */
async function sure(only: BatchEntry): Promise<number | undefined> {
  const told = sampledOf((await engine.step([{ ...only, scoring: { top: 2, following: [] } }]))[0])
  expect(smallestLead(told)).toBeGreaterThan(2 * GAP)
  return told.tokens[0]
}

describe('LlamaEngine on a real GGUF', () => {
  engineContract(() => engine)

  it('LlamaEngine keeps all of the context that it promises', async () => {
    const tokens = Array.from({ length: limits.contextSize }, (_, i) => 40 + (i % 50))
    for (let start = 0; start < tokens.length; start += limits.batchTokens) {
      const [result] = await draw(engine, [
        entry({ slot: 0, start, tokens: tokens.slice(start, start + limits.batchTokens), history: tokens }),
      ])
      expect(result).not.toBeInstanceOf(Error)
    }
    const [over] = await draw(engine, [entry({ slot: 0, start: limits.contextSize, tokens: [41] })])
    expect(over).toBeInstanceOf(Error)
  })

  it.each([-1, 1.5, 2 ** 31, 10_000_000, Number.NaN])(
    'LlamaEngine refuses token id %s for its own sequence only',
    async (bad) => {
      const alone = await sure(entry({ slot: 1, tokens: [50, 51] }))
      const [good, failed] = await draw(engine, [
        entry({ slot: 1, tokens: [50, 51] }),
        entry({ slot: 2, tokens: [bad] }),
      ])
      expect(failed).toBeInstanceOf(Error)
      expect(good).toBe(alone)
    },
  )

  it('LlamaEngine bans a token with a bias of -Infinity, and favours one with a large bias', async () => {
    const [free] = await draw(engine, [entry({ slot: 0, tokens: [50, 51] })])
    const banned = { ...greedy, logitBias: [[free as number, Number.NEGATIVE_INFINITY] as const] }
    expect((await draw(engine, [entry({ slot: 0, tokens: [50, 51], sample: banned, id: 'b' })]))[0]).not.toBe(
      free,
    )
    const favoured = { ...greedy, logitBias: [[77, 1000] as const] }
    expect((await draw(engine, [entry({ slot: 0, tokens: [50, 51], sample: favoured, id: 'f' })]))[0]).toBe(
      77,
    )
  })

  it('LlamaEngine applies penalties to the tokens of the history', async () => {
    const favoured = { ...greedy, logitBias: [[77, 12] as const] }
    const history = Array.from({ length: 20 }, () => 77)
    const [plain] = await draw(engine, [entry({ slot: 0, tokens: history, sample: favoured, id: 'p1' })])
    const penalized = { ...favoured, frequencyPenalty: 2 }
    const [other] = await draw(engine, [entry({ slot: 0, tokens: history, sample: penalized, id: 'p2' })])
    expect(plain).toBe(77)
    expect(other).not.toBe(77)
  })

  it('LlamaEngine puts every sequence of the plan into one native decode, rows ascending', async () => {
    decodes.length = 0
    const scheduler = new Scheduler(limits, new NoPrefixSlotCache(limits.slots))
    for (let id = 0; id < 9; id++) {
      const prompt = Array.from({ length: 3 + 5 * (id % 3) }, (_, i) => 45 + i + id)
      scheduler.add(
        sequenceOf({ id: `d${id}`, prompt, maxTokens: 4 + (id % 4), stopTokens: [], sampling: greedy }),
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

describe('LlamaEngine on a pool of one thread', () => {
  /** What was asked of llama.cpp, as it was asked, since the last look. */
  const asked: string[] = []
  /** Answers of decodes to come: whether they fail. */
  let failing: boolean[] = []
  let ordered: LlamaEngine

  /** One after the other, as a pool of one thread does it. */
  function queueing(context: NativeContext): NativeContext {
    let last: Promise<unknown> = Promise.resolve()
    const queue = <T>(work: () => Promise<T>): Promise<T> => {
      const done = last.catch(() => undefined).then(work)
      last = done
      return done
    }
    return {
      ...recording(context),
      decodeBatch: () => {
        asked.push('pass')
        const fails = failing.shift()
        return queue(async () => {
          if (fails) throw new Error('Eval has failed')
          await context.decodeBatch()
          asked.push('through')
        })
      },
      sampleToken: (...args) => {
        asked.push('draw')
        return queue(() => context.sampleToken(...args))
      },
      setThreads: (threads) => {
        asked.push(`${threads} threads`)
        context.setThreads(threads)
      },
    }
  }

  beforeAll(async () => {
    const options = { modelPath, ...limits, threads: 2, gpuLayers: 0, kvCacheType: 'f16' }
    const streamThreads = (streams: number) => (streams === 1 ? 2 : 1)
    ordered = (await openLlama({ ...options, watch: queueing, inOrder: true, streamThreads })).engine
  })
  afterAll(() => ordered.close())

  const spelling = {
    ...greedy,
    temperature: 1,
    seed: 5,
    grammar: 'root ::= "once upon a time there was a cat"',
  }
  const begun = [
    entry({ slot: 0, tokens: [50, 51, 52] }),
    entry({ slot: 1, tokens: [60, 61], sample: spelling }),
  ]
  const next = (drawn: readonly unknown[], last: readonly BatchEntry[] = begun): BatchEntry[] =>
    last.map((before, index) => {
      const token = drawn[index] as number
      const { start, tokens, history } = before
      return { ...before, start: start + tokens.length, tokens: [token], history: [...history, token] }
    })

  it('LlamaEngine queues samples behind an unfinished pass, and samples the same tokens as after it', async () => {
    const before = await draw(engine, begun)
    const after = await draw(engine, next(before))
    expect(await draw(ordered, begun)).toEqual(before)
    expect(asked.splice(0)).toEqual(['pass', 'draw', 'draw', 'through'])
    expect(await draw(ordered, next(before))).toEqual(after)
    expect(asked.splice(0)).toEqual(['1 threads', 'pass', 'draw', 'draw', 'through'])
  })

  it('LlamaEngine drops what was sampled behind a pass that failed', async () => {
    const before = await draw(engine, begun)
    const second = next(before)
    const third = next(await draw(engine, second), second)
    const after = await draw(engine, third)
    await draw(ordered, begun)
    await draw(ordered, second)
    // What is drawn then is of the pass before, and the grammar goes on with it.
    failing = [true]
    expect(await draw(ordered, third)).toEqual(after)
    // Together, then each alone.
    failing = [true, false, true]
    const [good, bad] = await draw(ordered, begun)
    expect(good).toBe(await sure(begun[0] as BatchEntry))
    expect(bad).toBeInstanceOf(Error)
  })

  it('LlamaEngine gives passes with prompts all threads, and those of streams the best number', async () => {
    await draw(ordered, begun)
    asked.splice(0)
    const drawn = await draw(ordered, begun)
    await draw(ordered, next(drawn))
    await draw(ordered, next(drawn).slice(0, 1))
    await draw(ordered, next(drawn))
    await draw(ordered, begun)
    expect(asked.filter((what) => what.endsWith('threads'))).toEqual([
      '1 threads',
      '2 threads',
      '1 threads',
      '2 threads',
    ])
  })
})

it('probeNative names the missing functions', () => {
  expect(() => probeNative({} as never, {} as never, { initBatch: () => undefined } as never)).toThrow(
    /context\.addToBatch.*AddonSampler.*model\.loadLora.*3\.22\.1/,
  )
})
