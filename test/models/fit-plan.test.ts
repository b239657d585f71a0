import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  checkFit,
  type FitRequest,
  fitPlan,
  fits,
  fitsGpu,
  layersOnGpu,
  proposals,
  type Room,
} from '../../src/models/fit-plan.ts'
import { readGguf } from '../../src/models/gguf/gguf.ts'
import type { GgufSummary } from '../../src/models/gguf/gguf-summary.ts'
import { ggufBytes, ggufSpec } from './gguf-writer.ts'

const GIB = 2 ** 30
const room = (host: number, gpu = 0): Room => ({ host: host * GIB, gpu: gpu * GIB })
let folder: string
let model: GgufSummary
const nothing: FitRequest = {
  slots: 0,
  contextSize: 0,
  batchSize: 512,
  kvCacheType: 'f16',
  flashAttention: 'auto',
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'altiplano-test-'))
  await writeFile(join(folder, 'a.gguf'), ggufBytes(ggufSpec()))
  // As large as an 8B model of the Llama 3 family in 4 bits.
  model = {
    ...(await readGguf(join(folder, 'a.gguf'))),
    fileBytes: 4.9e9,
    contextLength: 131_072,
    embeddingLength: 4096,
    kvElementsPerToken: 32 * 8 * 2 * 128,
    vocabularySize: 128_256,
    headCount: 32,
  }
})
afterAll(() => rm(folder, { recursive: true }))

describe('the fit plan', () => {
  it('the fit plan has four slots of 4,096 tokens where there is room', () => {
    const plan = fitPlan(model, nothing, room(16))
    expect(plan).toMatchObject({ slots: 4, contextSize: 4096, batchTokens: 512, kvCache: 2 * GIB })
    expect(fits(plan, room(16))).toBe(true)
  })

  it.each([
    [6.5, 2, 4096],
    [6, 1, 4096],
    [5.4, 1, 1024],
  ])('the fit plan has fewer slots, then shorter ones, with %f GiB', (memory, slots, contextSize) => {
    const plan = fitPlan(model, nothing, room(memory))
    expect(plan).toMatchObject({ slots, contextSize })
    expect(fits(plan, room(memory))).toBe(true)
  })

  it('the fit plan has no longer context than the model was trained with', () => {
    expect(fitPlan({ ...model, contextLength: 1000 }, nothing, room(99)).contextSize).toBe(1000)
  })

  it('the fit plan keeps the settings of the user', () => {
    const asked = { ...nothing, slots: 16, contextSize: 32_768 }
    expect(fitPlan(model, asked, room(4))).toMatchObject({ slots: 16, contextSize: 32_768 })
    expect(fitPlan(model, { ...nothing, slots: 700 }, room(4)).batchTokens).toBe(700)
  })

  it('a plan that exceeds the memory is refused, with one that fits', () => {
    const asked = { ...nothing, slots: 16, contextSize: 32_768 }
    const plan = fitPlan(model, asked, room(16))
    expect(() => checkFit(model, plan, room(128))).not.toThrow()
    expect(() => checkFit(model, plan, room(16))).toThrow(
      /^Cannot serve 16 slots of 32768 tokens: they take 64\.\d GiB beside the weights, and there are 16\.0 GiB of memory\. What fits: --slots 2 --context-size 32768, or --slots 16 --context-size \d+, or --slots 5 --context-size 32768 --kv-cache-type q8_0, or/,
    )
    // All that is proposed does fit, and a step more does not.
    const words = [
      ...proposals(model, plan, room(16)).matchAll(
        /--slots (\d+) --context-size (\d+)(?: --kv-cache-type (\w+))?/g,
      ),
    ]
    expect(words).toHaveLength(4)
    for (const [, slots, context, type = 'f16'] of words) {
      const proposed = { ...nothing, slots: Number(slots), contextSize: Number(context), kvCacheType: type }
      expect(fits(fitPlan(model, proposed, room(0)), room(16))).toBe(true)
      const more = Number(slots) < 16 ? { slots: Number(slots) + 1 } : { contextSize: Number(context) + 256 }
      expect(fits(fitPlan(model, { ...proposed, ...more }, room(0)), room(16))).toBe(false)
    }
  })

  it.each([
    [80, 16, 8192],
    [16, 10, 8192],
    [7, 1, 8192],
    [5.95, 1, 512],
  ])('the fit plan fills a GPU of %f GiB, whatever memory the container has', (gpu, slots, contextSize) => {
    const plan = fitPlan(model, nothing, room(2, gpu))
    expect(plan).toMatchObject({ slots, contextSize })
    expect(fitsGpu(plan, room(2, gpu))).toBe(true)
    expect(() => checkFit(model, plan, room(2, gpu))).not.toThrow()
  })

  it('the fit plan uses both memories where the GPU is too small, and names both in a refusal', () => {
    const plan = fitPlan(model, nothing, room(16, 4))
    expect(plan).toMatchObject({ slots: 4, contextSize: 4096 })
    expect(fitsGpu(plan, room(16, 4))).toBe(false)
    const asked = { ...nothing, slots: 16, contextSize: 32_768 }
    expect(() => checkFit(model, fitPlan(model, asked, room(16, 4)), room(16, 4))).toThrow(
      /there are 16\.0 GiB of memory and 4\.0 GiB free on the GPU\. What fits: --slots 3 /,
    )
    expect(() => checkFit(model, fitPlan(model, asked, room(2, 80)), room(2, 80))).not.toThrow()
  })

  it('all layers are on a GPU that has room for them, or else as many as fit', () => {
    const blocks = { ...model, blockCount: 32 }
    const asked = { ...nothing, slots: 4, contextSize: 8192 }
    const layers = (gpu: number, wanted = -1): number =>
      layersOnGpu(blocks, fitPlan(blocks, asked, room(16, gpu)), room(16, gpu), wanted)
    // 4.6 GiB of weights and 4 GiB of KV cache: 0.26 GiB a layer, beside 1.3 GiB of margin and buffers, and two layers.
    expect([layers(80), layers(4), layers(1)]).toEqual([33, 8, 0])
    expect([layers(80, 10), layers(80, 10_000), layers(80, 0)]).toEqual([10, 33, 0])
    // A GPU without memory of its own.
    expect(layers(0)).toBe(33)
  })

  it('the fit plan has room for the attention scores without flash attention', () => {
    const asked = { ...nothing, slots: 4, contextSize: 4096 }
    const [fused, unfused] = (['auto', 'off'] as const).map((flashAttention) =>
      fitPlan(model, { ...asked, flashAttention }, room(16)),
    )
    // 32 heads, 512 rows, 4,096 tokens, 32 bits.
    expect((unfused?.total ?? 0) - (fused?.total ?? 0)).toBe(2 ** 28)
  })

  it('the proposals say when nothing fits', () => {
    expect(proposals(model, fitPlan(model, nothing, room(1)), room(1))).toBe(
      'Nothing fits: use a smaller model.',
    )
  })
})
