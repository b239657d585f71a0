import { describe, expect, it } from 'vitest'
import { prefillChunk } from '../../src/scheduler/prefill-chunk.ts'

const TILE = 64

describe('prefillChunk', () => {
  it.each([
    {
      what: 'whole tiles where no stream runs',
      pending: 2000,
      computed: 0,
      room: 500,
      beside: false,
      count: 448,
      back: 0,
    },
    {
      what: 'one row more beside streams',
      pending: 2000,
      computed: 0,
      room: 500,
      beside: true,
      count: 449,
      back: 0,
    },
    { what: 'the whole batch', pending: 2000, computed: 0, room: 512, beside: false, count: 512, back: 0 },
    {
      what: 'the room where it is less than a tile',
      pending: 2000,
      computed: 0,
      room: 40,
      beside: true,
      count: 40,
      back: 0,
    },
    {
      what: 'computed tokens again to fill a tile',
      pending: 30,
      computed: 3000,
      room: 512,
      beside: false,
      count: 30,
      back: 34,
    },
    {
      what: 'computed tokens again beside streams',
      pending: 30,
      computed: 3000,
      room: 508,
      beside: true,
      count: 30,
      back: 35,
    },
    {
      what: 'none again where few come before',
      pending: 30,
      computed: 900,
      room: 512,
      beside: false,
      count: 30,
      back: 0,
    },
    {
      what: 'more tokens again far into a prompt',
      pending: 50,
      computed: 900,
      room: 512,
      beside: false,
      count: 50,
      back: 14,
    },
    {
      what: 'none again near the start of a prompt',
      pending: 50,
      computed: 100,
      room: 512,
      beside: false,
      count: 50,
      back: 0,
    },
    {
      what: 'none again to fill most of a tile',
      pending: 8,
      computed: 3000,
      room: 512,
      beside: false,
      count: 8,
      back: 0,
    },
    {
      what: 'none again where none come before',
      pending: 30,
      computed: 10,
      room: 512,
      beside: false,
      count: 30,
      back: 0,
    },
    {
      what: 'none again where there is no room',
      pending: 30,
      computed: 3000,
      room: 50,
      beside: false,
      count: 30,
      back: 0,
    },
    {
      what: 'an end longer than a tile',
      pending: 100,
      computed: 3000,
      room: 512,
      beside: false,
      count: 100,
      back: 0,
    },
    {
      what: 'nothing where there is no room',
      pending: 10,
      computed: 0,
      room: 0,
      beside: true,
      count: 0,
      back: 0,
    },
  ])('prefillChunk takes $what', ({ pending, computed, room, beside, count, back }) => {
    expect(prefillChunk(pending, computed, room, TILE, beside)).toEqual({ count, back })
  })

  it('prefillChunk takes all the room where tiles are of one row', () => {
    expect(prefillChunk(100, 50, 7, 1, true)).toEqual({ count: 7, back: 0 })
  })
})
