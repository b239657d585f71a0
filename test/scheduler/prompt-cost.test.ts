import { describe, expect, it } from 'vitest'
import { PromptCost } from '../../src/scheduler/prompt-cost.ts'

describe('PromptCost', () => {
  it('PromptCost has no estimate before the first pass, and its cost everywhere after it', () => {
    const cost = new PromptCost()
    expect(cost.at(0)).toBeUndefined()
    cost.observe(500, 2)
    expect([cost.at(0), cost.at(500), cost.at(3000)]).toEqual([2, 2, 2])
  })

  it('PromptCost finds that tokens cost more at depth, also deeper than it has observed', () => {
    const cost = new PromptCost()
    for (let round = 0; round < 20; round++)
      for (const depth of [0, 500, 1000]) cost.observe(depth, 0.9 + 0.001 * depth)
    expect(cost.at(0)).toBeCloseTo(0.9, 1)
    expect(cost.at(2000)).toBeCloseTo(2.9, 1)
  })

  it('PromptCost raises its estimate after a slow pass, and lowers it again', () => {
    const cost = new PromptCost()
    for (let pass = 0; pass < 20; pass++) cost.observe(100 * pass, 1)
    cost.observe(100, 2)
    expect(cost.at(100)).toBeGreaterThan(1.4)
    for (let pass = 0; pass < 100; pass++) cost.observe(20 * pass, 1)
    expect(cost.at(100)).toBeCloseTo(1, 1)
  })

  it('PromptCost never estimates a cost of zero', () => {
    const cost = new PromptCost()
    for (let pass = 0; pass < 20; pass++) cost.observe(1000 + pass, 1 + 10 * pass)
    expect(cost.at(0)).toBeGreaterThan(1)
  })
})
