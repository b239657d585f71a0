import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LlamaEngine, openLlama } from '../../src/engine/llama/engine.ts'
import { NoPrefixSlotCache } from '../../src/kvcache/no-prefix-slot-cache.ts'
import { ParkedPrefixes } from '../../src/kvcache/parked-prefixes.ts'
import { PrefixSlotCache } from '../../src/kvcache/prefix-slot-cache.ts'
import { transfersByLength } from '../../src/kvcache/transfer-rule.ts'
import type { BatchEntry, EngineLimits } from '../../src/protocol/engine.ts'
import type { TokenLogprob } from '../../src/text/token-logprob.ts'
import { random } from '../support/random.ts'
import { expectSame, GAP, sampledOf, toldBy, widest } from '../support/same-text.ts'
import { type SequenceParams, sequenceOf } from '../support/sequences.ts'
import { drain, greedy } from '../support/workload.ts'

const modelPath = fileURLToPath(new URL('../../models/altiplano-demo.gguf', import.meta.url))
const limits: EngineLimits = { slots: 4, contextSize: 128, batchTokens: 32 }
const runs = Number(process.env['INVARIANTS_TINY_RUNS'] ?? 12)
const seed = Number(process.env['INVARIANTS_SEED'] ?? Date.now() % 2 ** 31)
const SECRET_LENGTH = 8

let engine: LlamaEngine
beforeAll(async () => {
  const options = { modelPath, ...limits, threads: 1, gpuLayers: 0, kvCacheType: 'f16' as const }
  engine = (await openLlama(options)).engine
})
afterAll(() => engine.close())

const token = fc.integer({ min: 40, max: 99 })
const requests = fc.array(
  fc.record({
    shared: fc.nat(24),
    secret: fc.array(token, { minLength: SECRET_LENGTH, maxLength: SECRET_LENGTH }),
    own: fc.array(token, { minLength: 1, maxLength: 6 }),
    maxTokens: fc.integer({ min: 1, max: 10 }),
    temperature: fc.constantFrom(0, 0, 0.8),
    seed: fc.nat(3),
    scope: fc.constantFrom('a', 'b'),
    speculation: fc.option(fc.constant({ prediction: [] }), { nil: undefined }),
  }),
  { minLength: 4, maxLength: 12 },
)

/** Prompts of one scope share a text, and a secret of that scope follows it in some. */
function paramsOf(made: typeof requests extends fc.Arbitrary<infer T> ? T : never): SequenceParams[] {
  const text = Array.from({ length: 24 }, (_, at) => 40 + ((at * 7) % 50))
  return made.map((one, id) => ({
    id: `t${id}`,
    prompt: [...text.slice(0, one.shared), ...(one.scope === 'a' ? one.secret : []), ...one.own],
    maxTokens: one.maxTokens,
    stopTokens: [],
    sampling: { ...greedy, temperature: one.temperature, seed: one.seed },
    logprobs: { top: 5, prompt: false },
    cacheScope: one.scope,
    speculation: one.speculation,
  }))
}

describe('a real model', () => {
  it(
    `a real model gives each sequence of ${runs} mixed workloads the tokens that it gets alone`,
    async () => {
      let parks = 0
      await fc.assert(
        fc.asyncProperty(requests, fc.nat(), async (made, chance) => {
          const params = paramsOf(made)
          const together = params.map(sequenceOf)
          const parked = new ParkedPrefixes(1e7)
          await drain(
            together,
            engine,
            new PrefixSlotCache(limits.slots, parked, transfersByLength(8)),
            random(chance),
          )
          parks += parked.count
          const alone = params.map((one) =>
            sequenceOf({ ...one, id: `alone ${one.id}`, speculation: undefined }),
          )
          for (const one of alone) await drain([one], engine, new NoPrefixSlotCache(1))
          expectSame(together.map(toldBy), alone.map(toldBy))
          for (const one of together) {
            expect(one.generated).toBeLessThanOrEqual(one.maxTokens)
            expect(['length', 'cancelled']).toContain(one.end)
            if (one.end === 'length') expect(one.generated).toBe(one.maxTokens)
          }
        }),
        { seed, numRuns: runs },
      )
      expect(parks).toBeGreaterThan(0)
    },
    300_000 + runs * 10_000,
  )

  it('the comparison on a real model finds a sequence that reads cells of another', async () => {
    const prompt = Array.from({ length: 20 }, (_, at) => 40 + ((at * 11) % 50))
    const scored = async (slot: number, start: number): Promise<TokenLogprob> => {
      const tokens = prompt.slice(start)
      const entry: BatchEntry = {
        id: `s${slot}`,
        slot,
        start,
        tokens,
        sample: greedy,
        scoring: { top: 5, following: [] },
        history: prompt,
        promptLength: prompt.length,
      }
      const [result] = await engine.step([entry])
      const [logprob] = sampledOf(result).logprobs
      if (logprob === undefined) throw new Error('not scored')
      return logprob
    }
    const own = await scored(0, 0)
    expect(widest(await scored(0, 12), own)).toBeLessThan(GAP)
    // Twelve tokens of somebody else lie in slot 1.
    const others = prompt.slice(0, 12).toReversed()
    const theirs = {
      id: 'o',
      slot: 1,
      start: 0,
      tokens: others,
      sample: undefined,
      history: others,
      promptLength: 12,
    }
    await engine.step([theirs])
    expect(widest(await scored(1, 12), own)).toBeGreaterThan(GAP)
  })
})
