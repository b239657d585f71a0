import { describe, expect, it } from 'vitest'
import { prefillChunk } from '../../src/scheduler/prefill-chunk.ts'

const TILE = 64

describe('prefillChunk', () => {
  it.each([
    { what: 'alone: whole tiles', pending: 2000, computed: 0, room: 500, beside: false, count: 448, back: 0 },
    {
      what: 'beside streams: one row more',
      pending: 2000,
      computed: 0,
      room: 500,
      beside: true,
      count: 449,
      back: 0,
    },
    { what: 'a whole batch', pending: 2000, computed: 0, room: 512, beside: false, count: 512, back: 0 },
    {
      what: 'less room than a tile: what there is',
      pending: 2000,
      computed: 0,
      room: 40,
      beside: true,
      count: 40,
      back: 0,
    },
    {
      what: 'the end of a prompt is filled up',
      pending: 30,
      computed: 3000,
      room: 512,
      beside: false,
      count: 30,
      back: 34,
    },
    {
      what: 'also beside streams',
      pending: 30,
      computed: 3000,
      room: 508,
      beside: true,
      count: 30,
      back: 35,
    },
    {
      what: 'not where little comes before it',
      pending: 30,
      computed: 900,
      room: 512,
      beside: false,
      count: 30,
      back: 0,
    },
    { what: 'more of it there', pending: 50, computed: 900, room: 512, beside: false, count: 50, back: 14 },
    {
      what: 'and hardly ever at its start',
      pending: 50,
      computed: 100,
      room: 512,
      beside: false,
      count: 50,
      back: 0,
    },
    {
      what: 'a few tokens are not worth a tile',
      pending: 8,
      computed: 3000,
      room: 512,
      beside: false,
      count: 8,
      back: 0,
    },
    {
      what: 'nothing before it to compute again',
      pending: 30,
      computed: 10,
      room: 512,
      beside: false,
      count: 30,
      back: 0,
    },
    {
      what: 'no room to compute again',
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
    { what: 'no room', pending: 10, computed: 0, room: 0, beside: true, count: 0, back: 0 },
  ])('$what', ({ pending, computed, room, beside, count, back }) => {
    expect(prefillChunk(pending, computed, room, TILE, beside)).toEqual({ count, back })
  })

  it('takes all there is room for where tiles are of one row', () => {
    expect(prefillChunk(100, 50, 7, 1, true)).toEqual({ count: 7, back: 0 })
  })
})
