import { describe, expect, it } from 'vitest'
import type { EngineLimits } from '../../src/engine/engine.ts'
import { SimulatedEngine } from '../../src/engine/simulated.ts'
import { NoPrefixSlotCache } from '../../src/kvcache/no-prefix-slot-cache.ts'
import { PrefixSlotCache } from '../../src/kvcache/prefix-slot-cache.ts'
import type { SlotCache } from '../../src/kvcache/slot-cache.ts'
import { type ScheduledEntry, Scheduler } from '../../src/scheduler/scheduler.ts'
import { Sequence, type SequenceParams } from '../../src/scheduler/sequence.ts'
import { random } from '../support/random.ts'
import { drain, greedy, roomy, workload } from '../support/workload.ts'

const limits: EngineLimits = { slots: 3, contextSize: 64, batchTokens: 7 }
const caches: readonly [string, (slots: number) => SlotCache][] = [
  ['a prefix cache', (slots) => new PrefixSlotCache(slots)],
  ['no prefix cache', (slots) => new NoPrefixSlotCache(slots)],
]
const sequence = (
  id: string,
  length: number,
  maxTokens: number,
  more: Partial<SequenceParams> = {},
): Sequence =>
  new Sequence({
    id,
    prompt: Array.from({ length }, (_, i) => i),
    maxTokens,
    stopTokens: [],
    sampling: greedy,
    ...more,
  })

describe.each(caches)('Scheduler with %s', (_name, cacheOf) => {
  it('yields what each sequence yields alone, whatever shares its batches', async () => {
    for (let seed = 1; seed <= 200; seed++) {
      const params = workload(random(seed))
      const together = params.map((p) => new Sequence(p))
      await drain(together, new SimulatedEngine(limits), cacheOf(limits.slots), random(seed * 7))
      for (const [index, one] of together.entries()) {
        const alone = new Sequence(params[index] as SequenceParams)
        await drain([alone], new SimulatedEngine(roomy(limits)), new NoPrefixSlotCache(1))
        const length = one.end === 'cancelled' ? one.tokens.length : alone.tokens.length
        expect(one.tokens).toEqual(alone.tokens.slice(0, length))
        if (one.end !== 'cancelled') expect(one.end).toBe(alone.end)
      }
    }
  })

  it('starts a waiting sequence in the step in which a slot is free', async () => {
    const scheduler = new Scheduler(limits, cacheOf(limits.slots))
    for (const id of ['a', 'b', 'c', 'd']) scheduler.add(sequence(id, 1, 1))
    const engine = new SimulatedEngine(limits)
    const first = scheduler.schedule()
    expect(first.map((entry) => entry.id)).toEqual(['a', 'b', 'c'])
    scheduler.commit(first, await engine.step(first))
    expect(scheduler.schedule().map((entry) => entry.id)).toEqual(['d'])
  })
})

describe('Scheduler', () => {
  const noCache = (): Scheduler => new Scheduler(limits, new NoPrefixSlotCache(limits.slots))

  it('computes every token once without a prefix cache', async () => {
    const params = workload(random(5)).map((p) => ({ ...p, stopTokens: [] }))
    const expected = params.reduce((sum, p) => sum + p.prompt.length + p.maxTokens - 1, 0)
    const { computed } = await drain(
      params.map((p) => new Sequence(p)),
      new SimulatedEngine(limits),
      new NoPrefixSlotCache(3),
    )
    expect(computed).toBe(expected)
  })

  it('computes fewer tokens with a prefix cache', async () => {
    const run = async (cache: SlotCache): Promise<number> => {
      const sequences = workload(random(3)).map((p) => new Sequence(p))
      return (await drain(sequences, new SimulatedEngine(limits), cache)).computed
    }
    expect(await run(new PrefixSlotCache(3))).toBeLessThan(await run(new NoPrefixSlotCache(3)))
  })

  it('gives a running stream a token in every step, whatever prompt arrives', async () => {
    const scheduler = noCache()
    const engine = new SimulatedEngine(limits)
    const stream = sequence('stream', 1, 12)
    scheduler.add(sequence('long', 50, 2))
    scheduler.add(stream)
    const step = async (): Promise<Sequence[]> => {
      const batch = scheduler.schedule()
      return scheduler.commit(batch, await engine.step(batch))
    }
    while (stream.generated === 0) await step()
    scheduler.add(sequence('longer', 50, 2))
    while (stream.end === undefined) expect(await step()).toContain(stream)
  })

  it('puts every sequence that is ready to decode into the batch', async () => {
    const scheduler = noCache()
    const engine = new SimulatedEngine(limits)
    for (let seed = 1; seed < 40; seed++)
      scheduler.add(sequence(String(seed), 1 + (seed % 9), 1 + (seed % 7)))
    for (let batch = scheduler.schedule(); batch.length > 0; batch = scheduler.schedule()) {
      const decoding = batch.filter((entry) => entry.sequence.generated > 0)
      const results = await engine.step(batch)
      const running = scheduler.stats().running
      const prefilling = batch.length - decoding.length
      // Whoever runs is in the batch, or is a prompt that found no budget left.
      expect(decoding.length + prefilling).toBeLessThanOrEqual(running)
      const total = batch.reduce((sum, entry) => sum + entry.tokens.length, 0)
      if (batch.length < running) expect(total).toBe(limits.batchTokens)
      scheduler.commit(batch, results)
    }
  })

  it('never exceeds the token budget, and uses all of it while prompts are left', () => {
    const scheduler = noCache()
    for (const id of ['a', 'b', 'c']) scheduler.add(sequence(id, 20, 1))
    const total = (batch: readonly ScheduledEntry[]): number =>
      batch.reduce((sum, entry) => sum + entry.tokens.length, 0)
    expect(total(scheduler.schedule())).toBe(limits.batchTokens)
  })

  it('serves prompts in order of arrival: the head of the queue is never overtaken', () => {
    const scheduler = noCache()
    scheduler.add(sequence('long', 20, 1))
    scheduler.add(sequence('short', 1, 1))
    expect(scheduler.schedule().map((entry) => entry.id)).toEqual(['long'])
  })

  it('orders the batch by slot', async () => {
    const scheduler = noCache()
    const engine = new SimulatedEngine(limits)
    const first = sequence('first', 1, 1)
    scheduler.add(first)
    scheduler.add(sequence('second', 1, 9))
    const batch = scheduler.schedule()
    scheduler.commit(batch, await engine.step(batch))
    // `third` takes slot 0 after `second` has begun to decode in slot 1.
    scheduler.add(sequence('third', 1, 9))
    expect(scheduler.schedule().map((entry) => entry.slot)).toEqual([0, 1])
  })

  it('ends with stop at a stop token, which is kept', async () => {
    const probe = sequence('probe', 3, 4)
    await drain([probe], new SimulatedEngine(limits), new NoPrefixSlotCache(3))
    const second = probe.tokens[4] as number
    const one = sequence('one', 3, 4, { stopTokens: [second] })
    await drain([one], new SimulatedEngine(limits), new NoPrefixSlotCache(3))
    expect([one.end, one.tokens]).toEqual(['stop', probe.tokens.slice(0, 5)])
  })

  it.each(['waiting', 'prefill', 'decode'])(
    'forgets a sequence that is cancelled in %s before the next step',
    async (where) => {
      const scheduler = noCache()
      const engine = new SimulatedEngine(limits)
      const victim = sequence('victim', where === 'prefill' ? 20 : 2, 9)
      if (where === 'waiting') for (const id of ['a', 'b', 'c']) scheduler.add(sequence(id, 1, 9))
      scheduler.add(victim)
      for (let step = 0; step < 2; step++) {
        const batch = scheduler.schedule()
        scheduler.commit(batch, await engine.step(batch))
      }
      scheduler.finish(victim, 'cancelled')
      expect(scheduler.schedule().map((entry) => entry.id)).not.toContain('victim')
      expect(victim.slot).toBeUndefined()
    },
  )

  it('keeps a slot out of other hands until the forward pass it is in has ended', () => {
    const scheduler = new Scheduler({ ...limits, slots: 1 }, new NoPrefixSlotCache(1))
    const first = sequence('first', 2, 9)
    scheduler.add(first)
    const batch = scheduler.schedule()
    scheduler.finish(first, 'cancelled')
    expect(first.slot).toBe(0)
    scheduler.commit(batch, [7])
    expect([first.slot, first.generated]).toEqual([undefined, 0])
  })

  it('finishes a sequence once', () => {
    const scheduler = noCache()
    const one = sequence('one', 2, 9)
    scheduler.add(one)
    scheduler.schedule()
    scheduler.finish(one, 'cancelled')
    scheduler.finish(one, 'error')
    expect(one.end).toBe('cancelled')
  })

  it('fails the sequence whose entry failed, and no other', async () => {
    const scheduler = noCache()
    const engine = new SimulatedEngine(limits, {
      fault: (batch) => ({ entry: batch.findIndex((entry) => entry.id === 'bad'), error: new Error('boom') }),
    })
    const [bad, good] = [sequence('bad', 2, 2), sequence('good', 2, 2)]
    scheduler.add(bad)
    scheduler.add(good)
    for (let batch = scheduler.schedule(); batch.length > 0; batch = scheduler.schedule()) {
      scheduler.commit(batch, await engine.step(batch))
      scheduler.checkIntegrity()
    }
    expect([bad.end, bad.error, good.end]).toEqual(['error', 'boom', 'length'])
  })

  it('trusts nothing that a failed sequence left in its slot', async () => {
    const scheduler = new Scheduler(limits, new PrefixSlotCache(1))
    let calls = 0
    const engine = new SimulatedEngine(limits, {
      fault: () => (++calls === 2 ? { entry: 0, error: new Error('boom') } : undefined),
    })
    const [bad, next] = [sequence('bad', 10, 2), sequence('next', 10, 2)]
    for (const one of [bad, next]) {
      scheduler.add(one)
      for (let batch = scheduler.schedule(); batch.length > 0; batch = scheduler.schedule()) {
        scheduler.commit(batch, await engine.step(batch))
      }
    }
    expect([bad.end, next.cached, next.end]).toEqual(['error', 0, 'length'])
  })

  it('refuses more waiting sequences than it may hold', () => {
    const scheduler = new Scheduler(limits, new NoPrefixSlotCache(3), 2)
    expect(['a', 'b', 'c'].map((id) => scheduler.add(sequence(id, 1, 1)))).toEqual([true, true, false])
  })
})
