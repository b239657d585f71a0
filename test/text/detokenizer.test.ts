import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Detokenizer } from '../../src/text/output/detokenizer.ts'

/** A vocabulary of the 256 bytes. */
const vocabulary = {
  bytes: Uint8Array.from({ length: 256 }, (_, byte) => byte),
  offsets: Uint32Array.from({ length: 257 }, (_, at) => at),
}

describe('Detokenizer', () => {
  it('Detokenizer returns the text byte by byte, and never half a character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const detokenizer = new Detokenizer(vocabulary)
        const deltas = [...Buffer.from(text)].map((byte) => detokenizer.push(byte))
        expect(deltas.join('') + detokenizer.flush()).toBe(text)
        for (const delta of deltas) expect(delta).not.toMatch(/\p{Surrogate}/u)
        if (!text.includes('\ufffd')) for (const delta of deltas) expect(delta).not.toContain('\ufffd')
      }),
    )
  })

  it('Detokenizer drops a character that the end of the answer cuts in half', () => {
    const detokenizer = new Detokenizer(vocabulary)
    const text = [...Buffer.from('a😀').subarray(0, 4)].map((byte) => detokenizer.push(byte)).join('')
    expect(text + detokenizer.flush()).toBe('a')
  })

  it('Detokenizer spells markup tokens, which cut an unfinished character off', () => {
    const detokenizer = new Detokenizer(vocabulary, new Map([[200, '[TOOL_CALLS]']]))
    expect([0x41, 0xc3, 200, 0x42].map((token) => detokenizer.push(token)).join('')).toBe('A[TOOL_CALLS]B')
  })

  it('Detokenizer replaces invalid bytes with U+FFFD, and continues', () => {
    const detokenizer = new Detokenizer(vocabulary)
    expect([0xff, 0x41].map((byte) => detokenizer.push(byte)).join('')).toBe('\ufffdA')
  })
})
