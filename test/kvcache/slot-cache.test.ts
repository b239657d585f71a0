import { describe, expect, it } from 'vitest'
import { NoPrefixSlotCache } from '../../src/kvcache/no-prefix-slot-cache.ts'
import { PrefixSlotCache } from '../../src/kvcache/prefix-slot-cache.ts'
import type { SlotCache } from '../../src/kvcache/slot-cache.ts'

const caches: readonly [string, (slots: number) => SlotCache][] = [
  ['PrefixSlotCache', (slots) => new PrefixSlotCache(slots)],
  ['NoPrefixSlotCache', (slots) => new NoPrefixSlotCache(slots)],
]

describe.each(caches)('%s', (_name, cacheOf) => {
  it('leases each slot once, the lowest first', () => {
    const cache = cacheOf(3)
    expect([cache.acquire([1]), cache.acquire([2]), cache.acquire([3])].map((lease) => lease?.slot)).toEqual([
      0, 1, 2,
    ])
    expect(cache.acquire([4])).toBeUndefined()
    cache.checkIntegrity([2, 0, 1])
  })

  it('leaves at least the last prompt token to compute', () => {
    const cache = cacheOf(1)
    cache.acquire([1, 2, 3])
    cache.release(0, [1, 2, 3, 4])
    expect(cache.acquire([1, 2, 3])?.cached).toBeLessThan(3)
  })

  it('refuses a slot that is not leased', () => {
    const cache = cacheOf(2)
    expect(() => cache.release(0, [])).toThrow(RangeError)
    expect(() => cache.release(7, [])).toThrow(RangeError)
  })

  it('says when its leases are not those of the sequences', () => {
    const cache = cacheOf(2)
    cache.acquire([1])
    expect(() => cache.checkIntegrity([])).toThrow()
    expect(() => cache.checkIntegrity([1])).toThrow()
  })
})

describe('PrefixSlotCache', () => {
  function filled(...residents: number[][]): PrefixSlotCache {
    const cache = new PrefixSlotCache(residents.length)
    for (const tokens of residents) cache.acquire(tokens)
    for (const [slot, tokens] of residents.entries()) cache.release(slot, tokens)
    return cache
  }

  it('chooses the longest common prefix', () => {
    expect(filled([1, 2], [1, 2, 3, 4], [9]).acquire([1, 2, 3, 5, 6])).toEqual({ slot: 1, cached: 3 })
  })

  it('chooses the least recently used slot when no prefix is longer', () => {
    const cache = filled([1], [2], [3])
    cache.acquire([1, 9])
    cache.release(0, [1, 9])
    expect(cache.acquire([7, 7])).toEqual({ slot: 1, cached: 0 })
  })

  it('counts the tokens of the whole prompt but its last', () => {
    expect(filled([1, 2, 3]).acquire([1, 2, 3])).toEqual({ slot: 0, cached: 2 })
  })

  it('forgets what was not resident when the slot was given back', () => {
    const cache = new PrefixSlotCache(1)
    cache.acquire([1, 2, 3])
    cache.release(0, [1])
    expect(cache.acquire([1, 2, 3])).toEqual({ slot: 0, cached: 1 })
  })
})
