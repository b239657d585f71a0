import { describe, expect, it } from 'vitest'
import { packingMove, runsOf } from '../../src/scheduler/packing.ts'

describe('packingMove', () => {
  it.each([
    [[], undefined],
    [[3], undefined],
    [[2, 3, 4], undefined],
    [[0, 2], { from: 2, to: 1 }],
    [[0, 1, 2, 7], { from: 7, to: 3 }],
    [[0, 5, 6, 7], { from: 0, to: 4 }],
    [[0, 1, 4, 5], { from: 5, to: 2 }],
  ])('packingMove of %j is %j', (slots, move) => {
    expect(packingMove(slots, 8)).toEqual(move)
  })

  it('packingMove packs any slots in fewer moves than there are slots', () => {
    for (let set = 1; set < 256; set++) {
      let slots = Array.from({ length: 8 }, (_, slot) => slot).filter((slot) => (set >> slot) & 1)
      let moves = 0
      for (let move = packingMove(slots, 8); move !== undefined; move = packingMove(slots, 8)) {
        const { from, to } = move
        expect(slots).not.toContain(to)
        slots = [...slots.filter((slot) => slot !== from), to].sort((a, b) => a - b)
        expect(++moves).toBeLessThan(8)
      }
      expect(runsOf(slots)).toBe(1)
    }
  })
})
