import { describe, expect, it } from 'vitest'
import type { Share } from '../../src/base/share.ts'
import { NoPrefixSlotCache } from '../../src/kvcache/no-prefix-slot-cache.ts'
import { ParkedPrefixes } from '../../src/kvcache/parked-prefixes.ts'
import { PrefixSlotCache } from '../../src/kvcache/prefix-slot-cache.ts'
import type { SlotCache } from '../../src/kvcache/slot-cache.ts'
import { transfersByLength } from '../../src/kvcache/transfer-rule.ts'
import type { EngineLimits } from '../../src/protocol/engine.ts'
import { Scheduler, type SchedulerOptions } from '../../src/scheduler/scheduler.ts'
import type { Sequence } from '../../src/scheduler/sequence.ts'
import { random } from '../support/random.ts'
import { type SequenceParams, sequenceOf } from '../support/sequences.ts'
import { SimulatedEngine } from '../support/simulated-engine.ts'
import { drain, greedy, roomy } from '../support/workload.ts'

const usual: EngineLimits = { slots: 4, contextSize: 512, batchTokens: 64 }
const STAY = 32

let made = 0
function params(share: Partial<Share>, maxTokens: number, more: Partial<SequenceParams> = {}) {
  const id = String(++made)
  return {
    id,
    // No two share anything.
    prompt: Array.from({ length: 10 }, (_, at) => (at === 0 ? made : at)),
    maxTokens,
    stopTokens: [],
    sampling: greedy,
    share: { tenant: 'a', weight: 1, priority: 0, ...share },
    ...more,
  }
}
const request = (...args: Parameters<typeof params>): Sequence => sequenceOf(params(...args))

function server(options: SchedulerOptions = {}, cache?: SlotCache, limits = usual) {
  const files = new Map<string, string>()
  const engine = new SimulatedEngine(limits, {
    files: {
      read: async (path) => files.get(path) ?? '',
      write: async (path, text) => void files.set(path, text),
    },
  })
  const unparked = new PrefixSlotCache(limits.slots, undefined, transfersByLength(1000))
  const scheduler = new Scheduler(limits, cache ?? unparked, options)
  const step = async (): Promise<void> => {
    const batch = scheduler.schedule()
    for (const { slot, park } of batch) if (park) await engine.save(slot, String(park.id), park.tokens)
    for (const { slot, restore } of batch)
      if (restore) await engine.load(slot, String(restore.id), restore.tokens)
    scheduler.commit(batch, await engine.step(batch))
    scheduler.checkInvariants()
  }
  return {
    scheduler,
    add: (sequences: readonly Sequence[]) => {
      for (const sequence of sequences) scheduler.add(sequence)
    },
    steps: async (count: number) => {
      for (let done = 0; done < count; done++) await step()
    },
    end: async () => {
      for (let done = 0; scheduler.stats().running + scheduler.stats().waiting > 0; done++) {
        expect(done).toBeLessThan(5000)
        await step()
      }
    },
  }
}

const many = (count: number, ...args: Parameters<typeof request>): Sequence[] =>
  Array.from({ length: count }, () => request(...args))
const holding = (sequences: readonly Sequence[]): number =>
  sequences.filter(({ slot }) => slot !== undefined).length
const preemptions = (sequences: readonly Sequence[]): number =>
  sequences.reduce((sum, one) => sum + one.preemptions, 0)

describe('preemption of a slot', () => {
  it("preemption gives a slot to a tenant below its share, however long the other's answers are", async () => {
    const { add, steps } = server()
    const flood = many(20, { tenant: 'flood' }, 400)
    const late = many(20, { tenant: 'late' }, 400)
    add(flood)
    await steps(STAY + 4)
    add(late)
    await steps(4)
    expect([holding(flood), holding(late)]).toEqual([2, 2])
    // Those that came last have left.
    expect(flood.slice(0, 4).map((one) => one.preemptions)).toEqual([0, 0, 1, 1])
  })

  it('preemption ends once each tenant has its share', async () => {
    const { add, steps, end } = server()
    const all = [...many(8, { tenant: 'one' }, 400), ...many(8, { tenant: 'other' }, 400)]
    add(all)
    await steps(700)
    expect(preemptions(all)).toBeLessThanOrEqual(4)
    await end()
    expect(all.map((one) => one.generated)).toEqual(all.map(() => 400))
  })

  it('a preempted sequence gets a slot before any other of its tenant', async () => {
    const { add, steps } = server()
    const flood = many(20, { tenant: 'flood' }, 400)
    add(flood)
    await steps(STAY + 4)
    const late = many(2, { tenant: 'late' }, 10)
    add(late)
    await steps(2)
    expect(holding(flood)).toBe(2)
    await steps(20)
    expect(late.map(({ end }) => end)).toEqual(['length', 'length'])
    expect(holding(flood.slice(0, 4))).toBe(4)
  })

  it('preemption spares a tenant that has had fewer tokens, though it holds more slots', async () => {
    const { add, steps } = server()
    const first = many(4, { tenant: 'first' }, 300)
    add(first)
    await steps(340)
    expect(holding(first)).toBe(0)
    const second = many(4, { tenant: 'second' }, 400)
    add(second)
    await steps(STAY + 10)
    add(many(4, { tenant: 'first' }, 300))
    await steps(STAY + 10)
    expect(preemptions(second)).toBe(0)
    await steps(300)
    expect(preemptions(second)).toBe(2)
  })

  it('preemption divides slots by the weights of tenants', async () => {
    const { add, steps } = server()
    const light = many(8, { tenant: 'light' }, 400)
    const heavy = many(8, { tenant: 'heavy', weight: 3 }, 400)
    add(light)
    await steps(STAY + 4)
    add(heavy)
    await steps(6)
    expect([holding(light), holding(heavy)]).toEqual([1, 3])
  })

  it('preemption gives slots to all requests of higher priority at once', async () => {
    const { add, steps } = server()
    const patient = many(8, { priority: 3 }, 400)
    const urgent = many(4, { priority: 0 }, 40)
    add(patient)
    await steps(STAY + 4)
    add(urgent)
    await steps(6)
    expect([holding(patient), holding(urgent)]).toEqual([0, 4])
  })

  it('no slot is preempted for the same tenant, for an equal, or for an empty queue', async () => {
    const { add, steps } = server()
    const all = many(8, {}, 100)
    add(all)
    await steps(60)
    const others = many(2, { tenant: 'other' }, 100)
    add(others.slice(0, 1))
    await steps(20)
    expect(preemptions(all)).toBe(1)
    add(many(20, { tenant: 'one more', priority: 1 }, 100))
    await steps(20)
    expect(preemptions([...all, ...others])).toBe(1)
  })

  it('no slot is preempted before a minimum of its tokens, nor shortly before its end', async () => {
    const { add, steps } = server()
    const flood = many(4, { tenant: 'flood', priority: 1 }, 200)
    add(flood)
    await steps(5)
    add(many(2, { tenant: 'late', priority: 1 }, 60))
    while (preemptions(flood) === 0) await steps(1)
    const [first] = flood.filter((one) => one.preemptions === 1)
    expect(first?.generated).toBe(STAY)
    while (first?.slot === undefined) await steps(1)
    add(many(4, { tenant: 'urgent', priority: 0 }, 200))
    while (first.slot !== undefined) await steps(1)
    expect(first.generated).toBe(2 * STAY)

    const short = server()
    const almost = many(4, { tenant: 'flood' }, STAY + 7)
    short.add(almost)
    await short.steps(5)
    short.add(many(4, { tenant: 'late' }, 60))
    await short.end()
    expect(preemptions(almost)).toBe(0)
  })

  it.each([
    ['what a slot holds cannot be kept', new NoPrefixSlotCache(usual.slots), {}],
    [
      'it is long, and nothing is parked',
      new PrefixSlotCache(usual.slots, undefined, transfersByLength(16)),
      {},
    ],
    ['its prompt is scored', undefined, { logprobs: { top: 0, prompt: true } }],
  ] as const)('no slot is preempted where %s', async (_why, cache, more) => {
    const { add, end } = server({}, cache)
    const flood = many(4, { tenant: 'flood' }, 200, more)
    add([...flood, ...many(4, { tenant: 'late', priority: 0 }, 20)])
    await end()
    expect(preemptions(flood)).toBe(0)
  })

  it('a preempted sequence of low priority continues after a bounded number of tokens of others', async () => {
    const aging = 2000
    const { scheduler, add, steps } = server({ aging })
    const patient = request({ priority: 2 }, 300)
    add([patient])
    await steps(STAY + 4)
    let tokens = 0
    const urgent: Sequence[] = []
    while (patient.end === undefined) {
      while (scheduler.stats().waiting < 8) {
        const one = request({ priority: 0, tenant: 'urgent' }, 60)
        urgent.push(one)
        scheduler.add(one)
      }
      await steps(1)
      tokens = urgent.reduce((sum, one) => sum + one.tokens.length, 0)
      expect(tokens).toBeLessThan(2 * aging + 300 * usual.slots + 8 * 70)
    }
    expect(patient.preemptions).toBeGreaterThan(0)
    expect(patient.preemptions).toBeLessThan(10)
  })

  it('a request that waits for a prefix that another computes preempts no slot', async () => {
    const { add, steps } = server({}, undefined, {
      slots: 4,
      contextSize: 4096,
      batchTokens: 120,
      tile: 64,
    })
    const patient = many(12, { priority: 3 }, 1000)
    add(patient)
    await steps(STAY + 8)
    const prompt = Array.from({ length: 3000 }, (_, at) => 5 + (at % 7))
    const [first, second] = [request({}, 10, { prompt }), request({}, 10, { prompt })]
    add([first])
    await steps(1)
    add([second])
    while (second.slot === undefined) await steps(1)
    expect(preemptions(patient)).toBe(2)
  })

  it('a preempted slot is used in the same pass, and only for a request that can begin in it', async () => {
    const { scheduler, add, steps } = server()
    add(many(4, { priority: 3 }, 400))
    await steps(STAY + 8)
    const long = (from: number): Sequence =>
      request({}, 10, { prompt: Array.from({ length: 490 }, (_, at) => from + (at % 7)) })
    const [first, second] = [long(100), long(200)]
    add([first, second])
    while (second.slot === undefined) {
      await steps(1)
      expect(scheduler.stats().running).toBe(4)
    }
  })

  it('preemption among equals takes the slot of the latest arrival', async () => {
    const { add, steps } = server()
    const old = request({ priority: 3 }, 450)
    add([old])
    await steps(STAY + 8)
    add(many(3, { priority: 3 }, 450))
    await steps(5)
    for (let round = 0; round < 4; round++) {
      add([request({}, 5)])
      await steps(45)
    }
    expect(old.preemptions).toBe(1)
  })

  it('a preempted sequence does not take its slot back from an equal', async () => {
    const { add, steps } = server({ aging: 150 }, undefined, { ...usual, slots: 2 })
    const old = request({ priority: 20 }, 400)
    add([old])
    await steps(STAY + 4)
    const young = request({ priority: 20 }, 400)
    add([young])
    await steps(5)
    add([request({}, 300)])
    await steps(60)
    expect([old.preemptions, young.preemptions]).toEqual([1, 0])
  })

  it('a slot with more tokens in it is preempted later', async () => {
    const { add, steps } = server({}, undefined, { ...usual, slots: 1, contextSize: 2048, batchTokens: 1024 })
    const long = request({ priority: 3 }, 400, { prompt: Array.from({ length: 600 }, (_, at) => at) })
    add([long, request({}, 10)])
    await steps(1)
    add([request({}, 10)])
    while (long.slot === undefined) await steps(1)
    add([request({}, 10)])
    while (long.slot !== undefined) await steps(1)
    // One for each 16 in its slot, the last one drawn not among them.
    expect(long.generated).toBe(40)
  })

  it('a sequence gains no priority by its own tokens, and is still preempted', async () => {
    const { add, steps } = server({ aging: 50 }, undefined, { ...usual, slots: 1 })
    const patient = request({ priority: 1 }, 400)
    add([patient])
    await steps(200)
    add([request({}, 10)])
    await steps(1)
    expect(patient.slot).toBeUndefined()
  })

  it('no slot is preempted while parked sequences take all room', async () => {
    const cache = new PrefixSlotCache(usual.slots, undefined, transfersByLength(1000))
    cache.mayPark = (lengths) => lengths.length === 1
    const { add, steps, end } = server({}, cache)
    const patient = many(4, { priority: 3 }, 200)
    add(patient)
    await steps(STAY + 4)
    add(many(4, {}, 40))
    await steps(20)
    expect(preemptions(patient)).toBe(1)
    await end()
  })

  it('preemption costs a tenant nothing, as recomputed tokens are not counted', async () => {
    const { add, steps, end } = server({}, undefined, { ...usual, slots: 1 })
    const prompt = (length: number) => ({ prompt: Array.from({ length }, (_, at) => at + length) })
    const before = request({ tenant: 'b', priority: 1 }, 20, prompt(400))
    add([before])
    await steps(40)
    expect(before.end).toBe('length')
    const long = request({ tenant: 'a', priority: 1 }, 60, prompt(300))
    add([long])
    await steps(STAY + 10)
    const [second, third] = [
      request({ tenant: 'b', priority: 1 }, 10),
      request({ tenant: 'a', priority: 1 }, 10),
    ]
    add([request({ tenant: 'a' }, 10), second, third])
    while (third.slot === undefined) await steps(1)
    expect([long.preemptions, long.end, second.generated]).toEqual([1, 'length', 0])
    await end()
  })

  it('preemptions are bounded by how far the tokens of tenants differ', async () => {
    const below = random(7)
    const { scheduler, steps } = server()
    const all: Sequence[] = []
    for (let round = 0; round < 300; round++) {
      for (const tenant of ['a', 'b', 'c']) {
        const mine = all.filter(({ share, end, slot }) => share.tenant === tenant && !end && !slot)
        while (mine.length < 3) {
          const one = request({ tenant }, 40 + below(200))
          mine.push(one)
          all.push(one)
          scheduler.add(one)
        }
      }
      await steps(10)
    }
    const ended = all.filter(({ end }) => end !== undefined).length
    expect(ended).toBeGreaterThan(80)
    expect(preemptions(all)).toBeLessThan(ended / 5)
  })

  it('tokens that another engine generated do not count for preemption', async () => {
    const { scheduler, add, steps, end } = server()
    const thought = request({ priority: 3 }, 200)
    add([thought])
    await steps(80)
    const [prompt, generated] = [thought.tokens.slice(0, 10), thought.tokens.slice(10)]
    const goesOn = request({ priority: 3 }, 300, { prompt, generated })
    scheduler.add(goesOn, thought)
    scheduler.finish(thought, 'cancelled')
    await steps(1)
    add(many(3, { priority: 3 }, 400))
    await steps(STAY + 8)
    add(many(8, {}, 60))
    await end()
    expect(goesOn.preemptions).toBeGreaterThan(0)
    expect(goesOn.generated).toBe(300)
  })

  it('preemption changes neither the generated tokens nor the cached counts', async () => {
    const sampling = { ...greedy, temperature: 1, seed: 7 }
    const asked = [
      ...Array.from({ length: 6 }, () => params({ tenant: 'a' }, 120, { sampling })),
      ...Array.from({ length: 6 }, () => params({ tenant: 'b' }, 120, { sampling })),
      ...Array.from({ length: 2 }, () => params({ tenant: 'c', priority: 3 }, 120, { sampling })),
    ]
    const together = asked.map(sequenceOf)
    const parking = new ParkedPrefixes(1_000_000)
    const cache = new PrefixSlotCache(usual.slots, parking, transfersByLength(16))
    const { scheduler, add, steps, end } = server({}, cache)
    add(together.slice(12))
    await steps(STAY + 2)
    add(together.slice(0, 6))
    await steps(STAY + 2)
    add(together.slice(6, 12))
    await end()
    expect(preemptions(together)).toBeGreaterThan(2)
    expect(scheduler.takePreempted()).toHaveLength(preemptions(together))
    for (const [index, one] of together.entries()) {
      const alone = sequenceOf(asked[index] as SequenceParams)
      await drain([alone], new SimulatedEngine(roomy(usual)), new NoPrefixSlotCache(1))
      expect(one.tokens).toEqual(alone.tokens)
      expect([one.end, one.cached]).toEqual([alone.end, 0])
    }
  })

  it('a sequence that replaces a preempted one keeps its turn', async () => {
    const { scheduler, add, steps } = server()
    const flood = many(5, { tenant: 'flood' }, 200)
    add(flood)
    await steps(STAY + 2)
    add(many(1, { tenant: 'late' }, 200))
    await steps(2)
    const waiting = flood.find((one) => one.preemptions === 1)
    if (waiting === undefined) throw new Error('nobody was preempted')
    const successor = request({ tenant: 'flood' }, 10)
    expect(scheduler.add(successor, waiting)).toBe(true)
    scheduler.finish(waiting, 'cancelled')
    scheduler.checkInvariants()
    scheduler.finish(flood[0] as Sequence, 'cancelled')
    await steps(1)
    expect(successor.slot).toBeDefined()
    expect(flood[4]?.slot).toBeUndefined()
  })
})
