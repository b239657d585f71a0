import { describe, expect, it } from 'vitest'
import { PacedPrefill } from '../../src/scheduler/prefill-budget.ts'

/** A machine on which a pass takes `fixed` + `row` for each decode + `token` for each prompt token, more or less. */
interface Machine {
  readonly fixed: number
  readonly row: number
  readonly token: number
  /** 0..1, of the time of a pass. */
  readonly noise: number
}

/** Passes with prompts always waiting, after some without; their times in milliseconds, and their prompt tokens. */
function simulate(pace: PacedPrefill, machine: Machine, decodes: number, passes = 300) {
  let random = 1
  const noise = (): number => {
    random = (random * 16807) % 2147483647
    return 1 + machine.noise * (random / 2147483647 - 0.5) * 2
  }
  const took = (promptTokens: number): number =>
    (machine.fixed + machine.row * decodes + machine.token * promptTokens) * noise()
  for (let i = 0; i < 10; i++) pace.observe({ decodes, promptTokens: 0, ms: took(0) })
  return Array.from({ length: passes }, () => {
    const promptTokens = Math.min(512, pace.tokens(decodes, 0, LONG))
    const ms = took(promptTokens)
    pace.observe({ decodes, promptTokens, ms })
    return { ms, promptTokens }
  })
}

/** Tokens of a prompt that no pass can finish. */
const LONG = 100_000

const p = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN

const slow: Machine = { fixed: 20, row: 4, token: 1.3, noise: 0.05 }
const fast: Machine = { fixed: 2, row: 0.1, token: 0.05, noise: 0.1 }

describe('PacedPrefill', () => {
  it.each([
    ['a slow machine', slow, 150],
    ['a slow machine, a long target', slow, 400],
    ['a fast machine', fast, 20],
  ])('PacedPrefill holds the target within a fifth and uses most of it on %s', (_name, machine, target) => {
    const passes = simulate(new PacedPrefill(target), machine, 8).slice(20)
    expect(
      p(
        passes.map(({ ms }) => ms),
        0.99,
      ),
    ).toBeLessThan(1.2 * target)
    expect(
      p(
        passes.map(({ ms }) => ms),
        0.5,
      ),
    ).toBeGreaterThan(0.7 * target)
  })

  it('PacedPrefill without a target stretches a pass to seven times one without prompts', () => {
    const times = simulate(new PacedPrefill(0), slow, 8)
      .slice(20)
      .map(({ ms }) => ms)
    expect(p(times, 0.99)).toBeLessThan(1.2 * 7 * (20 + 32))
    expect(p(times, 0.5)).toBeGreaterThan(0.7 * 7 * (20 + 32))
  })

  it('PacedPrefill without a target gives a few streams no more than they have on a full server', () => {
    const pace = new PacedPrefill(0)
    simulate(pace, slow, 8)
    const times = simulate(pace, slow, 1)
      .slice(20)
      .map(({ ms }) => ms)
    expect(p(times, 0.99)).toBeLessThan(1.2 * 7 * (20 + 32))
    expect(p(times, 0.5)).toBeGreaterThan(0.7 * 7 * (20 + 32))
  })

  it('PacedPrefill with a target keeps no stream waiting', () => {
    expect(new PacedPrefill(100).patience).toBe(0)
    expect(new PacedPrefill(0).patience).toBe(2)
  })

  it('PacedPrefill lets prompts advance where the target cannot be held at all', () => {
    const passes = simulate(new PacedPrefill(10), slow, 8)
    expect(passes.every(({ promptTokens }) => promptTokens === 16)).toBe(true)
  })

  it('PacedPrefill divides tiles only where a target cannot be held with one', () => {
    const tile = 65
    // A row of a tile costs 2 ms, and one of fewer 5; streams take 40.
    const took = (promptTokens: number): number => 40 + promptTokens * (promptTokens < tile ? 5 : 2)
    const serve = (pace: PacedPrefill) => {
      for (let i = 0; i < 10; i++) pace.observe({ decodes: 4, promptTokens: 0, ms: 40 })
      const chunks = Array.from({ length: 60 }, () => {
        const promptTokens = Math.min(512, pace.tokens(4, 1500, LONG))
        pace.observe({ decodes: 4, promptTokens, depth: 1500, ms: took(promptTokens) })
        return promptTokens
      })
      return chunks.slice(10)
    }
    for (const chunk of serve(new PacedPrefill(150, tile))) {
      expect(chunk).toBeLessThan(tile)
      expect(took(chunk)).toBeLessThan(1.2 * 150)
      expect(took(chunk)).toBeGreaterThan(0.7 * 150)
    }
    expect(serve(new PacedPrefill(60, tile)).every((chunk) => chunk === 16)).toBe(true)
    for (const chunk of serve(new PacedPrefill(250, tile))) expect(chunk).toBeGreaterThanOrEqual(tile)
    // One hiccup is not for ever.
    const pace = new PacedPrefill(250, tile)
    serve(pace)
    pace.observe({ decodes: 4, promptTokens: 65, depth: 1500, ms: 40 + 65 * 12 })
    expect(pace.tokens(4, 1500, LONG)).toBeLessThan(tile)
    expect(
      serve(pace)
        .slice(20)
        .every((chunk) => chunk >= tile),
    ).toBe(true)
    const auto = new PacedPrefill(0, tile)
    for (let i = 0; i < 10; i++) auto.observe({ decodes: 4, promptTokens: 65, depth: 9000, ms: 2000 })
    expect(auto.tokens(4, 9000, LONG)).toBe(tile)
  })

  it('PacedPrefill leaves the batch to prompts when no stream waits for a token', () => {
    const pace = new PacedPrefill(10)
    simulate(pace, slow, 8)
    expect(pace.tokens(0, 0, LONG)).toBe(Number.POSITIVE_INFINITY)
  })

  it('PacedPrefill lets a prompt that is nearly complete end in this pass, and no longer one', () => {
    const pace = new PacedPrefill(400)
    simulate(pace, slow, 8)
    const tokens = pace.tokens(8, 0, LONG)
    expect(pace.tokens(8, 0, Math.floor(1.19 * tokens))).toBe(Math.floor(1.19 * tokens))
    expect(pace.tokens(8, 0, Math.ceil(1.21 * tokens))).toBe(tokens)
    // What is left goes to the next prompt.
    expect(pace.tokens(8, 0, 10)).toBe(tokens)
  })

  it('PacedPrefill follows a slower machine at once', () => {
    const pace = new PacedPrefill(200)
    simulate(pace, fast, 8)
    const after = simulate(pace, slow, 8, 12)
    expect(after.slice(6).every(({ ms }) => ms < 240)).toBe(true)
  })

  it('PacedPrefill follows slower passes without prompts at once', () => {
    const pace = new PacedPrefill(200)
    for (let i = 0; i < 20; i++) pace.observe({ decodes: 8, promptTokens: 0, ms: 10 })
    for (let i = 0; i < 20; i++) pace.observe({ decodes: 8, promptTokens: 100, ms: 110 })
    expect(pace.tokens(8, 0, LONG)).toBeGreaterThan(160)
    for (let i = 0; i < 3; i++) pace.observe({ decodes: 8, promptTokens: 0, ms: 110 })
    expect(pace.tokens(8, 0, LONG)).toBeLessThan(100)
  })
})
