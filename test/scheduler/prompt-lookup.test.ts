import { describe, expect, it } from 'vitest'
import { NoPrefixSlotCache } from '../../src/kvcache/no-prefix-slot-cache.ts'
import { PrefixSlotCache } from '../../src/kvcache/prefix-slot-cache.ts'
import type { EngineLimits } from '../../src/protocol/engine.ts'
import { PromptLookup } from '../../src/scheduler/prompt-lookup.ts'
import { random } from '../support/random.ts'
import { type SequenceParams, sequenceOf } from '../support/sequences.ts'
import { SimulatedEngine } from '../support/simulated-engine.ts'
import { drain, greedy, roomy } from '../support/workload.ts'

describe('PromptLookup', () => {
  it('PromptLookup proposes the tokens that followed the last time', () => {
    const lookup = new PromptLookup()
    expect(lookup.propose([1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3], 9)).toEqual([4, 5, 6, 7])
    expect(lookup.propose([1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4], 2)).toEqual([5, 6])
    expect(lookup.propose([1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 9], 9)).toEqual([])
  })

  it('PromptLookup takes the latest occurrence, and extends what repeats', () => {
    expect(new PromptLookup().propose([1, 2, 3, 7, 1, 2, 3, 8, 1, 2, 3], 9)).toEqual([8, 1, 2, 3])
    expect(new PromptLookup().propose([5, 5, 5, 5], 9)).toEqual([5, 5, 5, 5])
    expect(new PromptLookup().propose([1, 2, 1, 2, 1], 9)).toEqual([2, 1, 2, 1])
  })

  it('PromptLookup proposes from a predicted output, and not where that meets the prompt', () => {
    const lookup = new PromptLookup([1, 2, 3, 4, 5])
    expect(lookup.propose([9, 1, 2, 3], 9)).toEqual([4, 5])
    expect(new PromptLookup([1, 2]).propose([3, 4, 1, 2, 3], 9)).toEqual([])
  })

  it('PromptLookup proposes more while it is right, and pauses longer each time it is wrong', () => {
    const lookup = new PromptLookup()
    const text = Array.from({ length: 40 }, (_, i) => i)
    const again = [...text, 0, 1, 2]
    lookup.learn(4, 4)
    expect(lookup.propose(again, 99)).toEqual([3, 4, 5, 6, 7, 8, 9, 10])
    const rests = (): number => {
      lookup.learn(8, 0)
      let rest = 0
      while (lookup.propose(again, 99).length === 0) rest++
      return rest
    }
    expect([rests(), rests(), rests()]).toEqual([8, 16, 32])
  })
})

describe('speculation in the scheduler', () => {
  const limits: EngineLimits = { slots: 3, contextSize: 128, batchTokens: 24 }
  // So few tokens that what repeats is often right.
  const engine = (of: EngineLimits): SimulatedEngine => new SimulatedEngine(of, { vocabulary: 2 })
  const asked = (seed: number): SequenceParams[] => {
    const below = random(seed)
    return Array.from({ length: 4 }, (_, id) => ({
      id: String(id),
      prompt: Array.from({ length: 10 + below(30) }, () => below(2)),
      maxTokens: 1 + below(60),
      stopTokens: [],
      sampling: { ...greedy, seed: below(3) },
    }))
  }

  it('speculation never changes the generated tokens, and takes fewer passes', async () => {
    let passes = 0
    let without = 0
    let accepted = 0
    for (let seed = 1; seed <= 60; seed++) {
      const plain = asked(seed).map(sequenceOf)
      without += (await drain(plain, engine(limits), new PrefixSlotCache(3))).steps
      const ahead = asked(seed).map((params) => sequenceOf({ ...params, speculation: { prediction: [] } }))
      passes += (await drain(ahead, engine(limits), new PrefixSlotCache(3))).steps
      expect(ahead.map(({ tokens, end }) => [tokens, end])).toEqual(
        plain.map(({ tokens, end }) => [tokens, end]),
      )
      accepted += ahead.reduce((sum, one) => sum + one.accepted, 0)
    }
    expect(accepted).toBeGreaterThan(100)
    expect(passes).toBeLessThan(without)
  })

  it('speculation with a correct prediction takes one pass', async () => {
    const [params] = asked(9)
    if (params === undefined) throw new Error('none was made')
    const plain = sequenceOf({ ...params, maxTokens: 30 })
    const slow = await drain([plain], new SimulatedEngine(roomy(limits)), new NoPrefixSlotCache(1))
    const prediction = plain.tokens.slice(plain.promptLength)
    const told = sequenceOf({ ...params, maxTokens: 30, speculation: { prediction } })
    const fast = await drain([told], new SimulatedEngine(roomy(limits)), new PrefixSlotCache(1))
    expect(told.tokens).toEqual(plain.tokens)
    expect(fast.steps).toBeLessThan(slow.steps / 2)
    expect(told.accepted + 1).toBeGreaterThan(20)
  })

  it('speculation is off where cells cannot be taken back', async () => {
    const ahead = asked(3).map((params) => sequenceOf({ ...params, speculation: { prediction: [] } }))
    await drain(ahead, engine(limits), new NoPrefixSlotCache(3))
    expect(ahead.map(({ accepted, rejected }) => accepted + rejected)).toEqual([0, 0, 0, 0])
  })
})
