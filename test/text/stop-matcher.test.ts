import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { StopMatcher } from '../../src/text/output/stop-matcher.ts'
import { cpuWatch } from '../support/patience.ts'

function feed(stops: readonly string[], pieces: readonly string[]): { text: string; stopped: boolean } {
  const matcher = new StopMatcher(stops)
  let text = ''
  for (const piece of pieces) {
    const result = matcher.push(piece)
    text += result.text
    if (result.stopped) return { text, stopped: true }
  }
  return { text: text + matcher.flush(), stopped: false }
}

describe('StopMatcher', () => {
  it('StopMatcher returns the text up to the first stop string, wherever the input is cut', () => {
    const letters = fc.constantFrom('a', 'b', 'c')
    const word = (minLength: number) => fc.string({ unit: letters, minLength, maxLength: 4 })
    fc.assert(
      fc.property(
        fc.array(word(0), { maxLength: 12 }),
        fc.array(word(1), { minLength: 1, maxLength: 4 }),
        (pieces, stops) => {
          const whole = pieces.join('')
          const ends = stops.map((stop) => whole.indexOf(stop)).filter((at) => at !== -1)
          const { text, stopped } = feed(stops, pieces)
          expect(stopped).toBe(ends.length > 0)
          // Pieces show their stop at the earliest moment: an earlier, longer one may still have been incomplete.
          if (!stopped) expect(text).toBe(whole)
          else expect(ends.map((at) => whole.slice(0, at))).toContain(text)
        },
      ),
    )
  })

  it('StopMatcher holds back only what could still become a stop string', () => {
    const matcher = new StopMatcher(['##STOP'])
    expect(matcher.push('say ##STO')).toEqual({ text: 'say ', stopped: undefined })
    expect(matcher.push(', then')).toEqual({ text: '##STO, then', stopped: undefined })
    expect(matcher.push('#')).toEqual({ text: '', stopped: undefined })
    expect(matcher.flush()).toBe('#')
  })

  it('StopMatcher never sends part of a stop string that spans pieces', () => {
    expect(feed(['END'], ['the E', 'N', 'D of it'])).toEqual({ text: 'the ', stopped: true })
  })

  it('StopMatcher takes bounded time on a stop string that overlaps itself', () => {
    const used = cpuWatch()
    const matcher = new StopMatcher([`${'a'.repeat(1000)}b`])
    for (let i = 0; i < 2000; i++) matcher.push('a')
    expect(used()).toBeLessThan(2000)
  })
})
