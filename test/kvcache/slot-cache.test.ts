import { describe, expect, it } from 'vitest'
import { NoPrefixSlotCache } from '../../src/kvcache/no-prefix-slot-cache.ts'
import { type Parked, ParkedPrefixes } from '../../src/kvcache/parked-prefixes.ts'
import type { Prefix } from '../../src/kvcache/prefix.ts'
import { PrefixSlotCache } from '../../src/kvcache/prefix-slot-cache.ts'
import type { SlotCache } from '../../src/kvcache/slot-cache.ts'
import { transfersByLength } from '../../src/kvcache/transfer-rule.ts'

const of = (tokens: readonly number[], scope = ''): Prefix => ({ scope, tokens })

const caches: readonly [string, (slots: number) => SlotCache][] = [
  ['PrefixSlotCache', (slots) => new PrefixSlotCache(slots)],
  [
    'PrefixSlotCache with parking',
    (slots) => new PrefixSlotCache(slots, new ParkedPrefixes(100), transfersByLength(1)),
  ],
  ['NoPrefixSlotCache', (slots) => new NoPrefixSlotCache(slots)],
]

describe.each(caches)('the slot cache %s', (name, cacheOf) => {
  it(`${name} leases each slot once, the lowest first`, () => {
    const cache = cacheOf(3)
    expect(
      [cache.acquire(of([1])), cache.acquire(of([2])), cache.acquire(of([3]))].map((lease) => lease?.slot),
    ).toEqual([0, 1, 2])
    expect(cache.acquire(of([4]))).toBeUndefined()
    cache.checkInvariants([2, 0, 1])
  })

  it(`${name} leaves at least the last prompt token to compute`, () => {
    const cache = cacheOf(1)
    cache.acquire(of([1, 2, 3]))
    cache.release(0, of([1, 2, 3, 4]))
    expect(cache.acquire(of([1, 2, 3]))?.cached).toBeLessThan(3)
  })

  it(`${name} refuses to release a slot that is not leased`, () => {
    const cache = cacheOf(2)
    expect(() => cache.release(0, of([]))).toThrow(RangeError)
    expect(() => cache.release(7, of([]))).toThrow(RangeError)
  })

  it(`${name} reports leases that are not those of the sequences`, () => {
    const cache = cacheOf(2)
    cache.acquire(of([1]))
    expect(() => cache.checkInvariants([])).toThrow()
    expect(() => cache.checkInvariants([1])).toThrow()
  })
})

describe('PrefixSlotCache', () => {
  function filled(...residents: number[][]): PrefixSlotCache {
    const cache = new PrefixSlotCache(residents.length)
    for (const tokens of residents) cache.acquire(of(tokens))
    for (const [slot, tokens] of residents.entries()) cache.release(slot, of(tokens))
    return cache
  }

  it('PrefixSlotCache chooses the longest common prefix', () => {
    expect(filled([1, 2], [1, 2, 3, 4], [9]).acquire(of([1, 2, 3, 5, 6]))).toEqual({ slot: 1, cached: 3 })
  })

  it('PrefixSlotCache chooses the least recently used slot when no prefix is longer', () => {
    const cache = filled([1], [2], [3])
    cache.acquire(of([1, 9]))
    cache.release(0, of([1, 9]))
    expect(cache.acquire(of([7, 7]))).toEqual({ slot: 1, cached: 0 })
  })

  it('PrefixSlotCache reuses all of an identical prompt but its last token', () => {
    expect(filled([1, 2, 3]).acquire(of([1, 2, 3]))).toEqual({ slot: 0, cached: 2 })
  })

  it('PrefixSlotCache forgets tokens that were not resident when the slot was released', () => {
    const cache = new PrefixSlotCache(1)
    cache.acquire(of([1, 2, 3]))
    cache.release(0, of([1]))
    expect(cache.acquire(of([1, 2, 3]))).toEqual({ slot: 0, cached: 1 })
  })
})

describe('PrefixSlotCache with parking', () => {
  const [a, b] = [
    [1, 1, 1, 1, 1, 1],
    [2, 2, 2, 2, 2, 2],
  ]

  /** One slot, used by one prompt after the other. */
  function used(...prompts: number[][]): {
    cache: PrefixSlotCache
    parked: ParkedPrefixes
    parks: number[][]
  } {
    const parked = new ParkedPrefixes(1000)
    const cache = new PrefixSlotCache(1, parked, transfersByLength(3))
    const parks: number[][] = []
    for (const prompt of prompts) {
      const lease = cache.acquire(of(prompt))
      if (lease?.park) {
        parks.push([...lease.park.tokens])
        parked.stored(lease.park, 100)
      }
      cache.release(0, of(prompt))
    }
    return { cache, parked, parks }
  }

  it('PrefixSlotCache parks a prefix that has to leave its slot, and restores it', () => {
    const { cache, parks } = used(a, b)
    expect(parks).toEqual([a])
    expect(cache.find(of([...a, 9]))).toBe(6)
    expect(cache.acquire(of([...a, 9]))).toMatchObject({
      slot: 0,
      cached: 6,
      park: { tokens: b },
      restore: { tokens: a },
    })
  })

  it('PrefixSlotCache leaves one token to compute of a prompt that is parked whole', () => {
    expect(used(a, b).cache.acquire(of(a))?.cached).toBe(5)
  })

  it('PrefixSlotCache does not park a prefix that stays, is short, or is parked already', () => {
    expect(used(a, [...a, 7], [...a, 8]).parks).toEqual([])
    expect(used([1, 1], b).parks).toEqual([])
    expect(used(a, b, a, b, a).parks).toEqual([a, b])
  })

  it('PrefixSlotCache does not park a prefix that is too large to keep', () => {
    // 100 bytes for 6 tokens of 1,000: what is longer than 60 tokens has no room.
    const long = Array.from({ length: 61 }, (_, index) => 100 + index)
    expect(used(a, b, long, a).parks).toEqual([a, b])
    const { cache } = used(a, b, long)
    expect(cache.idle()).toEqual([])
  })

  it('PrefixSlotCache restores no prefix that saves less than a transfer costs', () => {
    expect(used(a, [1, 1, 1, 1, 9, 9]).cache.acquire(of([...a]))).not.toHaveProperty('restore')
  })
})

describe('cache scopes', () => {
  const tokens = [1, 1, 1, 1, 1, 1]

  it('PrefixSlotCache finds no prefix of another scope in a slot', () => {
    const cache = new PrefixSlotCache(1)
    cache.acquire(of(tokens, 'mine'))
    cache.release(0, of(tokens, 'mine'))
    expect(cache.find(of([...tokens, 9], 'yours'))).toBe(0)
    expect(cache.find(of([...tokens, 9], 'mine'))).toBe(6)
    expect(cache.acquire(of([...tokens, 9], 'yours'))).toEqual({ slot: 0, cached: 0 })
  })

  it('PrefixSlotCache finds no parked prefix of another scope, and keeps both', () => {
    const parked = new ParkedPrefixes(1000)
    const cache = new PrefixSlotCache(1, parked, transfersByLength(3))
    for (const scope of ['mine', 'yours', 'theirs']) {
      const lease = cache.acquire(of(tokens, scope))
      expect(lease).toMatchObject({ cached: 0 })
      expect(lease).not.toHaveProperty('restore')
      if (lease?.park) expect(parked.stored(lease.park, 100)).toEqual([])
      cache.release(0, of(tokens, scope))
    }
    expect(parked.count).toBe(2)
    expect(cache.acquire(of(tokens, 'mine'))).toMatchObject({ restore: { scope: 'mine' } })
  })
})

describe('ParkedPrefixes', () => {
  it('ParkedPrefixes drops the least recently used ones over its capacity', () => {
    const parked = new ParkedPrefixes(250)
    const [one, two, three] = [[1], [2], [3]].map((tokens) => parked.add(of(tokens))) as [
      Parked,
      Parked,
      Parked,
    ]
    expect(parked.stored(one, 100)).toEqual([])
    expect(parked.stored(two, 100)).toEqual([])
    parked.use(one)
    expect(parked.stored(three, 100)).toEqual([two])
    expect([parked.find(of([1]))?.shared, parked.find(of([2])), parked.bytes]).toEqual([1, undefined, 200])
  })

  it('ParkedPrefixes drops a prefix that a longer one contains, and one that is too large', () => {
    const parked = new ParkedPrefixes(250)
    const short = parked.add(of([1, 2]))
    parked.stored(short, 50)
    const long = parked.add(of([1, 2, 3]))
    expect(parked.stored(long, 60)).toEqual([short])
    const huge = parked.add(of([9]))
    expect(parked.stored(huge, 251)).toEqual([long, huge])
    expect([parked.count, parked.bytes]).toEqual([0, 0])
  })

  it('ParkedPrefixes keeps no more prefixes than a lookup can compare', () => {
    const parked = new ParkedPrefixes(1_000_000)
    for (let id = 0; id < 1100; id++) parked.stored(parked.add(of([id, 1])), 10)
    expect([parked.count, parked.bytes]).toEqual([1000, 10_000])
  })

  it('ParkedPrefixes reports a total that is not the sum of its entries', () => {
    const parked = new ParkedPrefixes(250)
    const one = parked.add(of([1]))
    parked.stored(one, 100)
    parked.checkInvariants()
    Object.assign(one, { bytes: 90 })
    expect(() => parked.checkInvariants()).toThrow('90 bytes are parked, not 100')
  })

  it('ParkedPrefixes reports the file of a dropped entry for removal', () => {
    const parked = new ParkedPrefixes(250)
    const one = parked.add(of([1]))
    parked.drop(one)
    expect(parked.stored(one, 10)).toEqual([one])
  })
})
