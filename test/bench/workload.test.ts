import { describe, expect, it } from 'vitest'
import { wordsOf } from '../../bench/client/words.ts'
import { burstArrivals, poissonArrivals } from '../../bench/workload/arrivals.ts'
import { drawLength, type Lengths } from '../../bench/workload/lengths.ts'
import { exponential, integer, normal, random, seedOf } from '../../bench/workload/random.ts'
import { planWorkloads, type ScenarioSettings, scenarios } from '../../bench/workload/scenarios.ts'
import { groupsOf, requestsOf, type Workload } from '../../bench/workload/workload.ts'

const settings: ScenarioSettings = { seed: 1, streams: [1, 4], rate: 2, scale: 1 }
const names = Object.keys(scenarios)
const plan = (name: string, more: Partial<ScenarioSettings> = {}): Workload =>
  planWorkloads([name], { ...settings, ...more })[0] as Workload
const many = <T>(draw: () => T): T[] => Array.from({ length: 20_000 }, draw)
const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

describe('random numbers', () => {
  it('random gives the same numbers for a seed and others for another', () => {
    const first = many(random(7))
    expect(many(random(7))).toEqual(first)
    expect(many(random(8))).not.toEqual(first)
    expect(Math.min(...first)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...first)).toBeLessThan(1)
  })

  it('random draws have the distributions of their names', () => {
    const draw = random(1)
    expect(mean(many(() => exponential(draw, 50)))).toBeCloseTo(50, -0.5)
    const normals = many(() => normal(draw))
    expect(mean(normals)).toBeCloseTo(0, 1)
    expect(mean(normals.map((value) => value * value))).toBeCloseTo(1, 1)
    expect(new Set(many(() => integer(draw, 2, 4)))).toEqual(new Set([2, 3, 4]))
  })

  it('seedOf gives different parts different seeds', () => {
    expect(seedOf(1, 'a', 12)).toBe(seedOf(1, 'a', 12))
    expect(seedOf(1, 12)).not.toBe(seedOf(11, 2))
  })
})

describe('arrivals', () => {
  it('Poisson arrivals are in order, at the rate, with gaps that vary as much as their mean', () => {
    const arrivals = poissonArrivals(20_000, 4, random(3))
    const gaps = arrivals.map((at, index) => at - (arrivals[index - 1] ?? 0))
    expect(Math.min(...gaps)).toBeGreaterThan(0)
    expect(mean(gaps) / 250).toBeCloseTo(1, 1)
    const average = mean(gaps)
    const deviation = Math.sqrt(mean(gaps.map((gap) => (gap - average) ** 2)))
    expect(deviation / 250).toBeCloseTo(1, 1)
  })

  it('burst arrivals come at once', () => {
    expect(burstArrivals(5, 2, 1000)).toEqual([0, 0, 1000, 1000, 2000])
  })
})

describe('lengths', () => {
  it('drawn lengths are whole numbers within their bounds', () => {
    const draw = random(5)
    const lognormal: Lengths = { kind: 'lognormal', median: 100, sigma: 1, low: 20, high: 500 }
    const lengths = many(() => drawLength(lognormal, draw)).toSorted((a, b) => a - b)
    expect(lengths[0]).toBe(20)
    expect(lengths.at(-1)).toBe(500)
    expect(lengths.every(Number.isInteger)).toBe(true)
    expect((lengths[10_000] ?? 0) / 100).toBeCloseTo(1, 1)
  })
})

describe('scenarios', () => {
  it.each(names)('scenario %s is the same for a seed, and shares no prompt between rounds', (name) => {
    const seeds = (workloads: readonly Workload[]): number[] =>
      workloads.flatMap(({ sessions }) =>
        sessions.flatMap(({ seed, prefix }) => [seed, prefix?.seed ?? seed]),
      )
    const [first, again, other] = [1, 1, 2].map((seed) => planWorkloads([name], { ...settings, seed }))
    expect(again).toEqual(first)
    const known = new Set(seeds(first ?? []))
    expect(seeds(other ?? []).filter((seed) => known.has(seed))).toEqual([])
  })

  it('scenarios share no prompt with each other', () => {
    const seeds = planWorkloads(names, settings).flatMap(({ sessions }) => sessions.map(({ seed }) => seed))
    expect(new Set(seeds).size).toBe(seeds.length)
  })

  it('the scenario shared-prefix shares one system prompt', () => {
    const { sessions } = plan('shared-prefix')
    expect(sessions).toHaveLength(16)
    expect(new Set(sessions.map(({ prefix }) => `${prefix?.seed} ${prefix?.tokens}`)).size).toBe(1)
    expect(sessions[0]?.prefix?.tokens).toBe(1024)
    const half = plan('poisson', { scale: 50 }).sessions
    expect(half.filter(({ prefix }) => prefix !== undefined).length / half.length).toBeCloseTo(0.5, 1)
  })

  it('the scenario multi-turn has 24 conversations of 4 turns', () => {
    const workload = plan('multi-turn')
    expect([workload.sessions.length, requestsOf(workload), workload.streams]).toEqual([24, 96, 24])
  })

  it('the scenario arriving-prompts sends long prompts beside running streams', () => {
    const workload = plan('arriving-prompts')
    expect(groupsOf(workload)).toEqual(['streams', 'prompts'])
    const prompts = workload.sessions.filter(({ group }) => group === 'prompts')
    for (const { turns, atMs } of prompts) {
      expect(turns[0]?.promptTokens).toBeGreaterThanOrEqual(1000)
      expect(turns[0]?.promptTokens).toBeLessThanOrEqual(2000)
      expect(atMs).toBeGreaterThan(0)
    }
  })

  it('scenarios scale in number and not in length', () => {
    expect(plan('streams', { scale: 2, streams: [4] }).sessions).toHaveLength(32)
    expect(plan('shared-prefix', { scale: 0.25 }).sessions[0]?.prefix?.tokens).toBe(1024)
  })

  it('planWorkloads refuses an unknown name, and lists the known ones', () => {
    expect(() => planWorkloads(['nothing'], settings)).toThrow(
      /no scenario nothing; there are streams, poisson/,
    )
  })
})

describe('wordsOf', () => {
  it('wordsOf makes as many words of three letters as requested, each with its space', () => {
    expect(wordsOf(1, 20, 1)).toMatch(/^( [a-z]{3}){20}$/)
    expect(wordsOf(1, 20, 2)).toMatch(/^( [a-z]{3}){10}$/)
    expect(wordsOf(1, 20, 1)).not.toBe(wordsOf(2, 20, 1))
  })
})
