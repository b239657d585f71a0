import { describe, expect, it } from 'vitest'
import { TransferCost } from '../../src/scheduler/transfer-cost.ts'

/** 1 ms for a prompt token at the start, 2 at a depth of 1,000. */
function computing(cost: TransferCost): void {
  for (let round = 0; round < 10; round++)
    for (const depth of [0, 500, 1000])
      cost.onPass({ decodes: 0, promptTokens: 100, depth, ms: 100 + depth / 10 })
}

describe('TransferCost', () => {
  it('TransferCost decides by length until both speeds are measured', () => {
    const cost = new TransferCost()
    expect([cost.pays(1000, 0, 64), cost.pays(1000, 0, 63), cost.pays(2000, 0, 100)]).toEqual([
      true,
      false,
      false,
    ])
    cost.onRestored(1000, 1e6)
    expect(cost.pays(1000, 0, 64)).toBe(true)
  })

  it('TransferCost prefers a transfer only where it is faster than computing', () => {
    const cost = new TransferCost()
    computing(cost)
    // As long as half of computing.
    cost.onRestored(1000, 500)
    expect(cost.pays(1000, 0, 1000)).toBe(true)
    expect(cost.pays(1000, 0, 200)).toBe(false)
    // Deeper in, tokens cost more.
    expect(cost.pays(2200, 0, 800)).toBe(false)
    expect(cost.pays(2200, 1000, 800)).toBe(true)
  })

  it('TransferCost notices that a disk has become slow, or fast again', () => {
    const cost = new TransferCost()
    computing(cost)
    for (let i = 0; i < 10; i++) cost.onRestored(1000, 5000)
    expect(cost.pays(1000, 0, 1000)).toBe(false)
    for (let i = 0; i < 20; i++) cost.onRestored(1000, 10)
    expect(cost.pays(1000, 0, 1000)).toBe(true)
  })

  it('TransferCost never transfers a very short prefix', () => {
    const cost = new TransferCost()
    computing(cost)
    cost.onRestored(1000, 0.001)
    expect(cost.pays(64, 0, 63)).toBe(false)
    expect(cost.pays(64, 0, 64)).toBe(true)
  })
})
