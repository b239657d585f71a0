import { beforeEach, describe, expect, it } from 'vitest'
import { ThreadTuner } from '../../src/engine/thread-tuner.ts'

/** Serves passes on a machine where a pass takes `msOf` its threads; returns the total time, and how often each number was used. */
function serve(
  tuner: ThreadTuner,
  passes: number,
  msOf: (threads: number) => number,
  decodesAt = (_: number) => 4,
) {
  let total = 0
  const used = new Map<number, number>()
  for (let pass = 0; pass < passes; pass++) {
    const decodes = decodesAt(pass)
    const threads = tuner.threadsFor(decodes)
    const ms = msOf(threads) * (1 + 0.04 * Math.sin(pass))
    total += ms
    used.set(threads, (used.get(threads) ?? 0) + 1)
    tuner.observe({ decodes, promptTokens: 0, ms })
  }
  return { total, used }
}

let count = 0
beforeEach(() => {
  count = 0
})

describe('ThreadTuner', () => {
  it('ThreadTuner leaves a core free where the threads of a pass wait for it', () => {
    const tuner = new ThreadTuner([2, 1])
    const { total } = serve(tuner, 400, (threads) => (threads === 2 ? 14 : 3))
    expect(tuner.threadsFor(4)).toBe(1)
    expect(total).toBeLessThan(1.5 * 400 * 3)
  })

  it('ThreadTuner keeps the best number of threads, and its trials cost little', () => {
    const tuner = new ThreadTuner([2, 1])
    const { total, used } = serve(tuner, 5000, (threads) => (threads === 2 ? 12 : 30))
    expect(tuner.threadsFor(4)).toBe(2)
    expect(used.get(1)).toBeGreaterThan(0)
    expect(total).toBeLessThan(1.03 * 5000 * 12)
  })

  it('ThreadTuner reacts to frequent slow passes, and not to a single one', () => {
    const tuner = new ThreadTuner([2, 1])
    serve(tuner, 60, (threads) => (threads === 1 ? 2 : count++ % 8 < 3 ? 20 : 1))
    expect(tuner.threadsFor(4)).toBe(1)
    const other = new ThreadTuner([2, 1])
    count = 0
    serve(other, 120, (threads) => (threads === 1 ? 14 : count++ === 12 ? 200 : 12))
    expect(other.threadsFor(4)).toBe(2)
  })

  it('ThreadTuner is not misled by a good sample of a number that is worse on average', () => {
    const tuner = new ThreadTuner([2, 1])
    const { total } = serve(tuner, 6000, (threads) => (threads === 1 ? 2 : count++ % 100 < 70 ? 1.2 : 12))
    expect(total).toBeLessThan(1.25 * 6000 * 2)
  })

  it('ThreadTuner does not switch for a gain that may be chance', () => {
    const { used } = serve(new ThreadTuner([4, 3]), 2000, (threads) => (threads === 3 ? 9.5 : 10))
    // Trials that lose narrowly are long, and cost nothing.
    expect(used.get(4)).toBeGreaterThan(1500)
  })

  it('ThreadTuner finds the best of several numbers, and another one when the machine changes', () => {
    const tuner = new ThreadTuner([8, 7, 4])
    serve(tuner, 1000, (threads) => ({ 8: 20, 7: 12, 4: 8 })[threads] ?? Number.NaN)
    expect(tuner.threadsFor(4)).toBe(4)
    serve(tuner, 3000, (threads) => ({ 8: 6, 7: 8, 4: 12 })[threads] ?? Number.NaN)
    expect(tuner.threadsFor(4)).toBe(8)
  })

  it('ThreadTuner finds the best number for one stream, and another for eight', () => {
    const tuner = new ThreadTuner([2, 1])
    const msOf = (decodes: number) => (threads: number) =>
      decodes === 1 ? (threads === 1 ? 2 : 8) : threads === 1 ? 14 : 9
    for (let turn = 0; turn < 4; turn++) {
      for (const decodes of [1, 8]) {
        const { total } = serve(tuner, 400, msOf(decodes), () => decodes)
        if (turn > 0) expect(total).toBeLessThan(1.1 * 400 * (decodes === 1 ? 2 : 9))
      }
    }
    expect(tuner.threadsFor(1)).toBe(1)
    expect(tuner.threadsFor(8)).toBe(2)
  })

  it('ThreadTuner compares only passes of the same size', () => {
    const tuner = new ThreadTuner([2, 1])
    // Many decodes take long, few take little, and one thread is always the slower one.
    let decodes = 0
    const { used } = serve(
      tuner,
      3000,
      (threads) => (5 + 5 * decodes) * (threads === 1 ? 1.35 : 1),
      (pass) => {
        decodes = 1 + (pass % 5)
        return decodes
      },
    )
    expect(used.get(1)).toBeLessThan(100)
    // Prompts are no trial, however slow.
    const before = tuner.threadsFor(4)
    for (let i = 0; i < 500; i++) tuner.observe({ decodes: 4, promptTokens: 100, ms: 1 })
    expect(tuner.threadsFor(4)).toBe(before)
  })

  it('ThreadTuner does not credit a number of threads for the short passes early in an answer', () => {
    const tuner = new ThreadTuner([1, 2])
    let wrong = 0
    for (let pass = 0; pass < 6000; pass++) {
      // An answer of 60 tokens, each of which takes longer than the one before.
      const position = pass % 60
      if (position === 0) tuner.observe({ decodes: 0, promptTokens: 20, ms: 30 })
      const threads = tuner.threadsFor(1)
      if (threads === 2) wrong++
      tuner.observe({ decodes: 1, promptTokens: 0, ms: (2 + position / 10) * (threads === 2 ? 1.2 : 1) })
    }
    expect(wrong).toBeGreaterThan(0)
    expect(wrong).toBeLessThan(800)
  })

  it('ThreadTuner keeps the only number that it is given', () => {
    const { used } = serve(new ThreadTuner([1]), 500, () => 5)
    expect([...used.keys()]).toEqual([1])
  })
})
