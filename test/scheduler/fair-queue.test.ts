import { describe, expect, it } from 'vitest'
import { FairQueue } from '../../src/base/fair-queue.ts'
import type { Share } from '../../src/base/share.ts'
import { PrefixSlotCache } from '../../src/kvcache/prefix-slot-cache.ts'
import { Scheduler } from '../../src/scheduler/scheduler.ts'
import type { Sequence } from '../../src/scheduler/sequence.ts'
import { random } from '../support/random.ts'
import { sequenceOf } from '../support/sequences.ts'
import { SimulatedEngine } from '../support/simulated-engine.ts'
import { greedy } from '../support/workload.ts'

const limits = { slots: 4, contextSize: 64, batchTokens: 24 }
/** Tokens of the largest request. */
const LARGEST = 60

let made = 0
function request(share: Partial<Share>, prompt: number, maxTokens: number): Sequence {
  const id = String(++made)
  return sequenceOf({
    id,
    // No two share anything.
    prompt: Array.from({ length: prompt }, (_, at) => (at === 0 ? made : at)),
    maxTokens,
    stopTokens: [],
    sampling: greedy,
    share: { tenant: 'a', weight: 1, priority: 0, ...share },
  })
}

function server(aging?: number) {
  const engine = new SimulatedEngine(limits)
  const scheduler = new Scheduler(limits, new PrefixSlotCache(limits.slots), aging ? { aging } : {})
  return {
    scheduler,
    step: async (): Promise<void> => {
      const batch = scheduler.schedule()
      scheduler.commit(batch, await engine.step(batch))
      scheduler.checkInvariants()
    },
  }
}

/** Tokens that count: of prompts once admitted, of outputs as they come. */
const served = (sequences: readonly Sequence[]): number =>
  sequences
    .filter(({ slot, end }) => slot !== undefined || end !== undefined)
    .reduce((sum, { tokens }) => sum + tokens.length, 0)

describe('the fair queue', () => {
  it.each([
    [1, 1],
    [1, 3],
    [5, 1],
  ])(
    'tenants of weights %i and %i that always wait get tokens in proportion, at every moment',
    async (weightOfA, weightOfB) => {
      for (let seed = 1; seed <= 10; seed++) {
        const below = random(seed)
        const { scheduler, step } = server()
        const asked: Record<'a' | 'b', Sequence[]> = { a: [], b: [] }
        const ask = (tenant: 'a' | 'b', weight: number): void => {
          // One asks for much at a time, the other for little.
          const length = tenant === 'a' ? 20 + below(20) : 1 + below(6)
          const sequence = request({ tenant, weight }, length, 1 + below(tenant === 'a' ? 20 : 6))
          asked[tenant].push(sequence)
          scheduler.add(sequence)
        }
        // One of them is there first, with more than there are slots.
        for (let i = 0; i < 40; i++) ask('a', weightOfA)
        for (let i = 0; i < 40; i++) ask('b', weightOfB)
        for (let steps = 0; steps < 500; steps++) {
          await step()
          for (const [tenant, weight] of [
            ['a', weightOfA],
            ['b', weightOfB],
          ] as const) {
            while (
              asked[tenant].filter(({ slot, end }) => slot === undefined && end === undefined).length < 9
            )
              ask(tenant, weight)
          }
          const gap = served(asked.a) / weightOfA - served(asked.b) / weightOfB
          const bound = (limits.slots * LARGEST) / Math.min(weightOfA, weightOfB)
          expect(Math.abs(gap)).toBeLessThanOrEqual(bound)
        }
        const share = served(asked.a) / (served(asked.a) + served(asked.b))
        expect(share).toBeGreaterThan(0.9 * (weightOfA / (weightOfA + weightOfB)))
        expect(share).toBeLessThan(1.1 * (weightOfA / (weightOfA + weightOfB)))
      }
    },
  )

  it('a tenant that comes late is admitted at once, before the backlog of another', async () => {
    const { scheduler, step } = server()
    for (let i = 0; i < 50; i++) scheduler.add(request({ tenant: 'flood' }, 20, 20))
    for (let i = 0; i < 30; i++) await step()
    const late = request({ tenant: 'late' }, 4, 4)
    scheduler.add(late)
    // Its turn comes when the first slot is free: at most one whole request later.
    for (let steps = 0; late.slot === undefined; steps++) {
      expect(steps).toBeLessThan(LARGEST)
      await step()
    }
    expect(scheduler.stats().waiting).toBeGreaterThan(20)
  })

  it('a tenant gets no credit for a time without requests', async () => {
    const { scheduler, step } = server()
    const busy: Sequence[] = []
    const keepBusy = (): void => {
      while (busy.filter(({ end }) => end === undefined).length < 12) {
        busy.push(request({ tenant: 'busy' }, 10, 10))
        scheduler.add(busy.at(-1) as Sequence)
      }
    }
    const once = request({ tenant: 'away' }, 4, 4)
    scheduler.add(once)
    for (let i = 0; i < 400; i++) {
      keepBusy()
      await step()
    }
    expect(once.end).toBe('length')
    const back = Array.from({ length: 60 }, () => request({ tenant: 'away' }, 10, 10))
    for (const sequence of back) scheduler.add(sequence)
    const before = served(busy)
    for (let i = 0; i < 200; i++) {
      keepBusy()
      await step()
    }
    // Both waited all the time from then on: each has half.
    expect(served(busy) - before).toBeGreaterThan(0.8 * served(back))
  })

  it('requests are admitted by priority, and within one priority in order of arrival', async () => {
    const { scheduler, step } = server()
    const order: string[] = []
    const urgent = [2, 0, 1, 0].map((priority) => request({ priority }, 3, 1))
    // They end one after the other.
    for (let i = 1; i <= limits.slots; i++) scheduler.add(request({}, 4, 6 * i))
    await step()
    for (const sequence of urgent) scheduler.add(sequence)
    while (urgent.some(({ end }) => end === undefined)) {
      await step()
      for (const { id, slot, end } of urgent)
        if ((slot !== undefined || end !== undefined) && !order.includes(id)) order.push(id)
    }
    const [two, zero, one, another] = urgent.map(({ id }) => id)
    expect(order).toEqual([zero, another, one, two])
  })

  it('a request of low priority has its turn after a bounded number of tokens of others', async () => {
    const aging = 300
    const { scheduler, step } = server(aging)
    const others: Sequence[] = []
    const flood = (): void => {
      while (others.filter(({ end }) => end === undefined).length < 12) {
        others.push(request({ tenant: 'urgent' }, 10, 10))
        scheduler.add(others.at(-1) as Sequence)
      }
    }
    flood()
    await step()
    const patient = request({ tenant: 'patient', priority: 3 }, 4, 4)
    scheduler.add(patient)
    const before = served(others)
    while (patient.slot === undefined) {
      flood()
      await step()
      expect(served(others) - before).toBeLessThan(3 * aging + limits.slots * LARGEST)
    }
    // And not before its time.
    expect(served(others) - before).toBeGreaterThan(2 * aging)
  })

  it('a short prompt overtakes a long one of a tenant that has had more tokens', async () => {
    const { scheduler, step } = server()
    const long = request({ tenant: 'long' }, 60, 2)
    const second = request({ tenant: 'long' }, 60, 2)
    scheduler.add(long)
    scheduler.add(second)
    await step()
    const short = request({ tenant: 'short' }, 10, 2)
    scheduler.add(short)
    await step()
    expect(short.generated).toBe(1)
    expect(long.generated).toBe(0)
  })

  it('a prompt that has its slot is never starved', async () => {
    const run = async (aging: number): Promise<number> => {
      const { scheduler, step } = server(aging)
      const patient = request({ tenant: 'patient', priority: 5 }, 60, 2)
      scheduler.add(patient)
      await step()
      expect(patient.computed).toBe(limits.batchTokens)
      let steps = 0
      for (; patient.end === undefined && steps < 200; steps++) {
        while (scheduler.stats().waiting < 6) scheduler.add(request({ tenant: 'urgent' }, 50, 1))
        await step()
      }
      return steps
    }
    expect(await run(100)).toBeLessThan((5 * 100) / limits.batchTokens + LARGEST)
    expect(await run(1e9)).toBe(200)
  })

  it('the fair queue forgets a request that leaves', async () => {
    const { scheduler, step } = server()
    const waiting = Array.from({ length: 20 }, () => request({}, 5, 5))
    for (const sequence of waiting) scheduler.add(sequence)
    await step()
    for (const sequence of waiting) scheduler.finish(sequence, 'cancelled')
    await step()
    expect(scheduler.stats()).toEqual({ waiting: 0, running: 0, resident: 0 })
    const next = request({}, 2, 1)
    scheduler.add(next)
    await step()
    expect(next.end).toBe('length')
  })

  it('the fair queue reports running sequences that it did not admit', () => {
    const queue = new FairQueue<Sequence>(100)
    const one = request({}, 2, 1)
    queue.add(one)
    queue.add(request({}, 2, 1))
    queue.checkInvariants(new Set())
    queue.admit(one, 2)
    queue.checkInvariants(new Set([one]))
    expect(() => queue.checkInvariants(new Set())).toThrow('bug')
    expect(() => queue.checkInvariants(new Set([one, request({}, 2, 1)]))).toThrow('not in the queue')
  })

  it('the scheduler reports a waiting sequence that has a slot', () => {
    const { scheduler } = server()
    const waiting = request({}, 2, 1)
    scheduler.add(waiting)
    scheduler.checkInvariants()
    waiting.slot = 3
    expect(() => scheduler.checkInvariants()).toThrow('has a slot or an end, and waits')
  })
})
