import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LlamaEngine, type LlamaEngineInfo, openLlama } from '../../src/engine/llama/engine.ts'
import { NoPrefixSlotCache } from '../../src/kvcache/no-prefix-slot-cache.ts'
import { PrefixSlotCache } from '../../src/kvcache/prefix-slot-cache.ts'
import type { Sequence } from '../../src/scheduler/sequence.ts'
import { memoryModels, WINDOW } from '../support/memory-models.ts'
import { random } from '../support/random.ts'
import { expectSame, toldBy } from '../support/same-text.ts'
import { sequenceOf } from '../support/sequences.ts'
import { drain, greedy } from '../support/workload.ts'

const folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Whether a slot can be cut at any token, and so be used by another prompt that begins like what it holds. */
const REUSE = { recurrent: false, hybrid: false, 'sliding window': true } as const

describe.each(Object.entries(memoryModels))('a model with a memory that is %s', (kind, write) => {
  let engine: LlamaEngine
  let info: LlamaEngineInfo

  beforeAll(async () => {
    const modelPath = join(folder, `${kind}.gguf`)
    await write(modelPath)
    const opened = await openLlama({
      modelPath,
      slots: 3,
      contextSize: 512,
      batchTokens: 64,
      threads: 1,
      gpuLayers: 0,
      kvCacheType: 'f16',
    })
    engine = opened.engine
    info = opened.info
  })
  afterAll(() => engine.close())

  it(`a model with a memory that is ${kind} reports whether its slots can be cut`, () => {
    expect(info.prefixReuse).toBe(REUSE[kind as keyof typeof REUSE])
    if (info.prefixReuse) expect(info.parking).toBe(false)
  })

  it(`prompts get the tokens that each gets alone, beside others in used slots, with ${kind} memory`, async () => {
    const below = random(5)
    // A state of random weights runs away with long prompts.
    const most = kind === 'recurrent' ? 60 : 400
    const shared = Array.from({ length: most }, () => 1 + below(63))
    // Far longer than the window, which llama.cpp keeps 256 tokens of at least; with common beginnings of every length.
    const prompts = Array.from({ length: 20 }, () => [
      ...shared.slice(0, below(most)),
      ...Array.from({ length: 1 + below(4) }, () => 1 + below(63)),
    ])
    const logprobs = { top: 20, prompt: false }
    const asked = (id: string, prompt: readonly number[]): Sequence =>
      sequenceOf({ id, prompt, maxTokens: 12, stopTokens: [], sampling: greedy, logprobs })
    const alone: Sequence[] = []
    for (const prompt of prompts) {
      const one = asked(`alone ${alone.length}`, prompt)
      await drain([one], engine, new NoPrefixSlotCache(3))
      alone.push(one)
    }
    expect(new Set(alone.map((one) => toldBy(one).tokens.join())).size).toBeGreaterThan(10)
    const cache = info.prefixReuse ? new PrefixSlotCache(3) : new NoPrefixSlotCache(3)
    for (let round = 0; round < 2; round++) {
      const together = prompts.map((prompt, index) => asked(`${round} ${index}`, prompt))
      await drain(together, engine, cache, (limit) =>
        limit === 12 || limit === 9 || limit === 5 ? 1 : below(limit),
      )
      expectSame(together.map(toldBy), alone.map(toldBy), 0.01)
      if (info.prefixReuse) expect(together.some(({ cached }) => cached > WINDOW)).toBe(true)
    }
  })
})
