import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LlamaEngine, openLlama } from '../../src/engine/llama/engine.ts'
import { NoPrefixSlotCache } from '../../src/kvcache/no-prefix-slot-cache.ts'
import type { SamplingParams } from '../../src/protocol/engine.ts'
import type { Sequence } from '../../src/scheduler/sequence.ts'
import { random } from '../support/random.ts'
import { writeRandomTextModel } from '../support/random-text-model.ts'
import { widest } from '../support/same-text.ts'
import { sequenceOf } from '../support/sequences.ts'
import { drain, greedy } from '../support/workload.ts'

// What docs/logprobs.md says of equal texts, on random models of four layers: less steady than any real one.
const folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
afterAll(() => rmSync(folder, { recursive: true }))

const SLOTS = 8
const LENGTH = 40
/** Tokens of a resumed answer that are there already. */
const KEPT = 20
/** More than any difference of rounding that was seen (0.93). */
const ROUNDING = 2

const sampled: SamplingParams = { ...greedy, temperature: 0.9, topP: 0.95, seed: 42 }
const below = random(5)
const prompts = Array.from({ length: SLOTS }, () =>
  Array.from({ length: 30 + below(90) }, () => 1 + below(250)),
)

let made = 0
const sequences = (sampling: SamplingParams, begun: readonly Sequence[] = []): Sequence[] =>
  prompts.map((prompt, index) =>
    sequenceOf({
      id: `${made++}`,
      prompt,
      maxTokens: LENGTH,
      logprobs: { top: 5, prompt: false },
      sampling,
      ...(begun[index] && { generated: answerOf(begun[index]).slice(0, KEPT) }),
    }),
  )

const answerOf = ({ tokens, promptLength }: Sequence): number[] => tokens.slice(promptLength)

async function alone(engine: LlamaEngine, all: readonly Sequence[]): Promise<readonly Sequence[]> {
  for (const one of all) await drain([one], engine, new NoPrefixSlotCache(1))
  return all
}

async function together(engine: LlamaEngine, all: readonly Sequence[]): Promise<readonly Sequence[]> {
  await drain(all, engine, new NoPrefixSlotCache(SLOTS))
  return all
}

const told = (all: readonly Sequence[]): unknown => all.map((one) => [answerOf(one), one.scores.slice(-KEPT)])

/** How many of the five best tokens two texts share where the resumed ones go on. */
function shared(one: Sequence, other: Sequence): number {
  const best = ({ scores }: Sequence): number[] =>
    (scores.at(KEPT - LENGTH)?.top ?? []).map(([token]) => token)
  return best(one).filter((token) => best(other).includes(token)).length
}

async function open(type: 'Q8_0' | 'Q4_K' | 'Q6_K', batchTokens: number): Promise<LlamaEngine> {
  const modelPath = join(folder, `${type}.gguf`)
  await writeRandomTextModel(modelPath, { type, layers: 4, width: 256, scale: 0.65, center: 1 })
  const settings = { threads: 1, gpuLayers: 0, kvCacheType: 'f16' } as const
  return (await openLlama({ modelPath, slots: SLOTS, contextSize: 512, batchTokens, ...settings })).engine
}

if (process.arch !== 'x64')
  console.log('texts in passes of any shape: skipped, they were measured on x64 only')
else
  describe.each(['Q8_0', 'Q6_K'] as const)(
    '%s weights, in passes of fewer tokens than a tile of attention',
    (type) => {
      let engine: LlamaEngine
      beforeAll(async () => {
        engine = await open(type, 63)
      })
      afterAll(() => engine.close())

      it.each([
        ['greedy', greedy],
        ['sampled', sampled],
      ])('a text is the same alone, beside others and resumed: %s', async (_, sampling) => {
        const expected = await alone(engine, sequences(sampling))
        expect(told(await together(engine, sequences(sampling)))).toEqual(told(expected))
        expect(told(await alone(engine, sequences(sampling, expected)))).toEqual(told(expected))
      })
    },
  )

describe.each(['Q8_0', 'Q4_K', 'Q6_K'] as const)('%s weights, in passes of any size', (type) => {
  let engine: LlamaEngine
  beforeAll(async () => {
    engine = await open(type, 512)
  })
  afterAll(() => engine.close())

  it('the same passes give the same text', async () => {
    const expected = await alone(engine, sequences(sampled))
    expect(told(await alone(engine, sequences(sampled)))).toEqual(told(expected))
  })

  it('resume a text where it was, up to rounding', async () => {
    const expected = await alone(engine, sequences(sampled))
    const resumed = await alone(engine, sequences(sampled, expected))
    for (const [index, one] of resumed.entries()) {
      const whole = expected[index] as Sequence
      expect(answerOf(one)).toHaveLength(LENGTH)
      expect(answerOf(one).slice(0, KEPT)).toEqual(answerOf(whole).slice(0, KEPT))
      expect(shared(one, whole)).toBeGreaterThan(2)
      const [mine, its] = [one.scores[0], whole.scores[KEPT]]
      expect(mine && its && widest(mine, its)).toBeLessThan(ROUNDING)
    }
    // Where anything of it is another, it is not rounding.
    const others = await alone(engine, sequences(sampled, [...expected.slice(1), expected[0] as Sequence]))
    const strange = others.map((one, index) => shared(one, expected[index] as Sequence))
    expect(strange.filter((count) => count > 2)).toEqual([])
  })
})
