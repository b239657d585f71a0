import { describe, expect, it } from 'vitest'
import { NoPrefixSlotCache } from '../../src/kvcache/no-prefix-slot-cache.ts'
import { ParkedPrefixes } from '../../src/kvcache/parked-prefixes.ts'
import { PrefixSlotCache } from '../../src/kvcache/prefix-slot-cache.ts'
import type { SlotCache } from '../../src/kvcache/slot-cache.ts'
import { transfersByLength } from '../../src/kvcache/transfer-rule.ts'
import type { EngineLimits, StepResult } from '../../src/protocol/engine.ts'
import type { ScheduledEntry } from '../../src/scheduler/next-pass.ts'
import { runsOf } from '../../src/scheduler/packing.ts'
import { Scheduler, type SchedulerOptions } from '../../src/scheduler/scheduler.ts'
import type { Sequence } from '../../src/scheduler/sequence.ts'
import { random } from '../support/random.ts'
import { type SequenceParams, sequenceOf } from '../support/sequences.ts'
import { SimulatedEngine } from '../support/simulated-engine.ts'
import { drain, greedy, roomy, workload } from '../support/workload.ts'

const params = (id: number): SequenceParams => ({
  id: String(id),
  prompt: [id, 1, 2, 3, 4],
  maxTokens: 9,
  stopTokens: [],
  sampling: greedy,
})
const tight: EngineLimits = { slots: 3, contextSize: 64, batchTokens: 7 }
const limits = tight
const caches: readonly [string, (slots: number) => SlotCache][] = [
  ['a prefix cache', (slots) => new PrefixSlotCache(slots)],
  [
    'a prefix cache that parks',
    (slots) => new PrefixSlotCache(slots, new ParkedPrefixes(2000), transfersByLength(1)),
  ],
  ['no prefix cache', (slots) => new NoPrefixSlotCache(slots)],
]
const sequence = (
  id: string,
  length: number,
  maxTokens: number,
  more: Partial<SequenceParams> = {},
): Sequence =>
  sequenceOf({
    id,
    prompt: Array.from({ length }, (_, i) => i),
    maxTokens,
    stopTokens: [],
    sampling: greedy,
    ...more,
  })

const sampled = (...tokens: number[]): StepResult => ({ tokens, logprobs: [], following: [] })

describe.each(caches)('Scheduler with %s', (name, cacheOf) => {
  it.each([1, 3])(
    `Scheduler with ${name} gives each sequence in a batch its tokens alone: tiles of %i`,
    async (tile) => {
      const limits = { ...tight, tile }
      for (let seed = 1; seed <= 200; seed++) {
        const params = workload(random(seed))
        const together = params.map(sequenceOf)
        await drain(together, new SimulatedEngine(limits), cacheOf(limits.slots), random(seed * 7))
        for (const [index, one] of together.entries()) {
          const alone = sequenceOf(params[index] as SequenceParams)
          await drain([alone], new SimulatedEngine(roomy(limits)), new NoPrefixSlotCache(1))
          const length = one.end === 'cancelled' ? one.tokens.length : alone.tokens.length
          expect(one.tokens).toEqual(alone.tokens.slice(0, length))
          if (one.end !== 'cancelled') expect(one.end).toBe(alone.end)
        }
      }
    },
  )

  it(`Scheduler with ${name} reports the log probabilities that each sequence has alone`, async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const params = workload(random(seed)).map((p, index) => ({
        ...p,
        maxTokens: index % 4 === 3 ? 0 : p.maxTokens,
        logprobs: index % 3 === 0 ? undefined : { top: index % 2, prompt: index % 3 === 2 },
      }))
      const together = params.map(sequenceOf)
      const engine = { vocabulary: 16 }
      // Small passes cut prompts; large ones hold more than is scored in one.
      const sizes = { ...limits, batchTokens: seed % 2 === 0 ? 7 : 96 }
      await drain(together, new SimulatedEngine(sizes, engine), cacheOf(limits.slots), random(seed * 7))
      for (const [index, one] of together.entries()) {
        const alone = sequenceOf(params[index] as SequenceParams)
        await drain([alone], new SimulatedEngine(roomy(limits), engine), new NoPrefixSlotCache(1))
        expect(one.scores).toEqual(alone.scores.slice(0, one.scores.length))
        expect(one.promptScores).toEqual(alone.promptScores.slice(0, one.promptScores.length))
        expect(one.generated).toBeLessThanOrEqual(one.maxTokens)
        if (one.end === 'cancelled') continue
        expect(one.end).toBe(alone.end)
        // A draft may go on behind the end.
        expect(one.scores.length).toBeGreaterThanOrEqual(one.spec.logprobs === undefined ? 0 : one.generated)
        if (one.spec.logprobs === undefined) expect(one.scores).toEqual([])
        expect(one.promptScores).toHaveLength(one.scoresPrompt ? one.promptLength - 1 : 0)
      }
    }
  })

  it(`Scheduler with ${name} starts a waiting sequence in the step in which a slot is free`, async () => {
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

  it('Scheduler computes every token once without a prefix cache', async () => {
    const params = workload(random(5)).map((p) => ({ ...p, stopTokens: [] }))
    const expected = params.reduce((sum, p) => sum + p.prompt.length + p.maxTokens - 1, 0)
    const { computed } = await drain(
      params.map(sequenceOf),
      new SimulatedEngine(limits),
      new NoPrefixSlotCache(3),
    )
    expect(computed).toBe(expected)
  })

  it('Scheduler computes fewer tokens with a prefix cache', async () => {
    const run = async (cache: SlotCache): Promise<number> => {
      const sequences = workload(random(3)).map(sequenceOf)
      return (await drain(sequences, new SimulatedEngine(limits), cache)).computed
    }
    expect(await run(new PrefixSlotCache(3))).toBeLessThan(await run(new NoPrefixSlotCache(3)))
  })

  it('Scheduler gives a running stream a token in every step, whatever prompt arrives', async () => {
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

  it('Scheduler puts every sequence that is ready to decode into the batch', async () => {
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

  it('Scheduler does not score the prompt of a sequence that another engine has begun', async () => {
    const logprobs = { top: 0, prompt: true }
    const one = sequence('a', 6, 9, { generated: [1, 2, 3], logprobs })
    await drain([one], new SimulatedEngine(limits), new NoPrefixSlotCache(1))
    expect([one.promptScores.length, one.scores.length]).toEqual([0, 6])
  })

  it('Scheduler scores at most 32 prompt tokens in a pass, and computes others beside them', async () => {
    const large = { ...limits, batchTokens: 64 }
    const scheduler = new Scheduler(large, new NoPrefixSlotCache(large.slots))
    const logprobs = { top: 0, prompt: true }
    for (const id of ['a', 'b']) scheduler.add(sequence(id, 40, 1, { logprobs }))
    scheduler.add(sequence('c', 20, 1))
    const engine = new SimulatedEngine(large)
    const passes: string[] = []
    for (let batch = scheduler.schedule(); batch.length > 0; batch = scheduler.schedule()) {
      passes.push(batch.map(({ id, tokens }) => `${id}${tokens.length}`).join())
      scheduler.commit(batch, await engine.step(batch))
    }
    expect(passes).toEqual(['a32,c20', 'a8,b24', 'b16'])
  })

  it('Scheduler never exceeds the token budget, and uses all of it while prompts are left', () => {
    const scheduler = noCache()
    for (const id of ['a', 'b', 'c']) scheduler.add(sequence(id, 20, 1))
    const total = (batch: readonly ScheduledEntry[]): number =>
      batch.reduce((sum, entry) => sum + entry.tokens.length, 0)
    expect(total(scheduler.schedule())).toBe(limits.batchTokens)
  })

  it('Scheduler serves prompts in order of arrival, and never overtakes the head of the queue', () => {
    const scheduler = noCache()
    scheduler.add(sequence('long', 20, 1))
    scheduler.add(sequence('short', 1, 1))
    expect(scheduler.schedule().map((entry) => entry.id)).toEqual(['long'])
  })

  it('Scheduler orders the batch by slot', async () => {
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

  it('Scheduler ends a sequence with `stop` at a stop token, and keeps that token', async () => {
    const probe = sequence('probe', 3, 4)
    await drain([probe], new SimulatedEngine(limits), new NoPrefixSlotCache(3))
    const second = probe.tokens[4] as number
    const one = sequence('one', 3, 4, { stopTokens: [second] })
    await drain([one], new SimulatedEngine(limits), new NoPrefixSlotCache(3))
    expect([one.end, one.tokens]).toEqual(['stop', probe.tokens.slice(0, 5)])
  })

  it.each(['waiting', 'prefill', 'decode'])(
    'Scheduler drops a sequence that is cancelled in %s before the next step',
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

  it('Scheduler does not lease a slot again before the pass that it is in has ended', () => {
    const scheduler = new Scheduler({ ...limits, slots: 1 }, new NoPrefixSlotCache(1))
    const first = sequence('first', 2, 9)
    scheduler.add(first)
    const batch = scheduler.schedule()
    scheduler.finish(first, 'cancelled')
    expect(first.slot).toBe(0)
    scheduler.commit(batch, [sampled(7)])
    expect([first.slot, first.generated]).toEqual([undefined, 0])
  })

  it('Scheduler finishes a sequence once', () => {
    const scheduler = noCache()
    const one = sequence('one', 2, 9)
    scheduler.add(one)
    scheduler.schedule()
    scheduler.finish(one, 'cancelled')
    scheduler.finish(one, 'error')
    expect(one.end).toBe('cancelled')
  })

  it('Scheduler fails the sequence whose entry failed, and no other', async () => {
    const scheduler = noCache()
    const engine = new SimulatedEngine(limits, {
      fault: (batch) => ({ entry: batch.findIndex((entry) => entry.id === 'bad'), error: new Error('boom') }),
    })
    const [bad, good] = [sequence('bad', 2, 2), sequence('good', 2, 2)]
    scheduler.add(bad)
    scheduler.add(good)
    for (let batch = scheduler.schedule(); batch.length > 0; batch = scheduler.schedule()) {
      scheduler.commit(batch, await engine.step(batch))
      scheduler.checkInvariants()
    }
    expect([bad.end, bad.error, good.end]).toEqual(['error', 'boom', 'length'])
  })

  it('Scheduler reuses no tokens of a failed sequence', async () => {
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

  it('Scheduler reuses no tokens of a failed pass, also of a sequence cancelled in it', () => {
    const cache = new PrefixSlotCache(limits.slots)
    const scheduler = new Scheduler(limits, cache)
    const gone = sequence('gone', 6, 2)
    scheduler.add(gone)
    const first = scheduler.schedule()
    scheduler.commit(first, [sampled(7)])
    const second = scheduler.schedule()
    scheduler.finish(gone, 'cancelled')
    scheduler.commit(second, [new Error('boom')])
    expect(cache.find(sequence('next', 6, 2))).toBe(0)
  })

  it('Scheduler refuses more waiting sequences than its limit', () => {
    const scheduler = new Scheduler(limits, new NoPrefixSlotCache(3), { maxWaiting: 2 })
    expect(['a', 'b', 'c'].map((id) => scheduler.add(sequence(id, 1, 1)))).toEqual([true, true, false])
  })

  describe('a prefix that no free slot holds', () => {
    const wide: EngineLimits = { slots: 8, contextSize: 256, batchTokens: 64 }
    const shared = Array.from({ length: 100 }, (_, i) => i % 7)
    const asking = (id: string, own: number): Sequence =>
      sequenceOf({ id, prompt: [...shared, 200, own], maxTokens: 3, stopTokens: [], sampling: greedy })

    async function computedBy(
      arrivals: readonly (readonly Sequence[])[],
      options: SchedulerOptions = {},
    ): Promise<number> {
      const engine = new SimulatedEngine(wide)
      const scheduler = new Scheduler(wide, new PrefixSlotCache(wide.slots), options)
      let computed = 0
      const queue = [...arrivals]
      for (
        let more = queue.shift();
        more !== undefined || scheduler.stats().running > 0;
        more = queue.shift()
      ) {
        for (const one of more ?? []) scheduler.add(one)
        const batch = scheduler.schedule()
        computed += batch.reduce((sum, entry) => sum + entry.tokens.length, 0)
        scheduler.commit(batch, await engine.step(batch))
        scheduler.checkInvariants()
      }
      return computed
    }
    const alone = async (own: number): Promise<readonly number[]> => {
      const one = asking('alone', own)
      await computedBy([[one]])
      return one.tokens
    }

    it('Scheduler computes the shared prefix of simultaneous prompts once, and copies it', async () => {
      const together = [1, 2, 3, 4, 5, 6].map((own) => asking(String(own), own))
      // 100 once, then two of their own and two generated tokens that are fed back, each.
      expect(await computedBy([together])).toBe(101 + 6 + 6 * 2)
      for (const [index, one] of together.entries()) expect(one.tokens).toEqual(await alone(index + 1))
      expect(together.map(({ cached }) => cached)).toEqual([0, 101, 101, 101, 101, 101])
    })

    it('Scheduler copies a prefix from a sequence that is generating', async () => {
      const [first, late] = [asking('first', 1), asking('late', 2)]
      await computedBy([[first], [], [], [late]])
      expect([late.cached, late.tokens]).toEqual([101, await alone(2)])
    })

    it('Scheduler computes a prefix again that is too short to be worth a copy', async () => {
      const [first, late] = [asking('first', 1), asking('late', 2)]
      await computedBy([[first, late]], { minCopy: 102 })
      expect(late.cached).toBe(0)
    })

    it('Scheduler lets others pass while a sequence waits for a prefix that another computes', () => {
      const scheduler = new Scheduler(wide, new PrefixSlotCache(wide.slots))
      for (const one of [asking('a', 1), asking('b', 2)]) scheduler.add(one)
      scheduler.add(sequence('other', 3, 1))
      const batchOf = (): string[] => scheduler.schedule().map(({ id }) => id)
      // The first takes the whole batch of 64; what is left of its prompt leaves room.
      const first = scheduler.schedule()
      expect(first.map(({ id }) => id)).toEqual(['a'])
      scheduler.commit(first, [sampled()])
      expect(batchOf()).toEqual(['a', 'other'])
    })

    it('Scheduler does not wait for the prefix of a sequence that has left', async () => {
      const [gone, next] = [asking('gone', 1), asking('next', 2)]
      const engine = new SimulatedEngine(wide)
      const scheduler = new Scheduler(wide, new PrefixSlotCache(wide.slots))
      scheduler.add(gone)
      scheduler.add(next)
      const first = scheduler.schedule()
      scheduler.finish(gone, 'cancelled')
      scheduler.commit(first, await engine.step(first))
      expect(scheduler.schedule().map(({ id, start }) => [id, start])).toEqual([['next', 64]])
    })
  })

  it('Scheduler copies no prefix of another scope, and does not wait for one', async () => {
    const wide: EngineLimits = { slots: 3, contextSize: 64, batchTokens: 64 }
    const scheduler = new Scheduler(wide, new PrefixSlotCache(wide.slots), { minCopy: 1 })
    const engine = new SimulatedEngine(wide)
    const asked = (id: string, cacheScope: string): Sequence => sequence(id, 20, 4, { cacheScope })
    scheduler.add(asked('first', 'mine'))
    scheduler.add(asked('beside', 'yours'))
    const batch = scheduler.schedule()
    expect(batch.map(({ id, start, tokens }) => [id, start, tokens.length])).toEqual([
      ['first', 0, 20],
      ['beside', 0, 20],
    ])
    scheduler.commit(batch, await engine.step(batch))
    scheduler.add(asked('later', 'yours'))
    const later = scheduler.schedule().find(({ id }) => id === 'later')
    expect(later).toMatchObject({ start: 19, copyFrom: 1 })
  })

  it('Scheduler does not copy a prefix that may yet fail to be restored', () => {
    const wide: EngineLimits = { slots: 3, contextSize: 64, batchTokens: 64 }
    const parked = new ParkedPrefixes(1000)
    const cache = new PrefixSlotCache(wide.slots, parked, transfersByLength(8))
    const away = Array.from({ length: 20 }, (_, i) => i)
    const part = { scope: '', tokens: away.slice(0, 9) }
    parked.add({ scope: '', tokens: away })
    cache.acquire(part)
    cache.release(0, part)
    const scheduler = new Scheduler(wide, cache, { minCopy: 4 })
    const asking = (id: string, prompt: number[]): Sequence =>
      sequenceOf({ id, prompt, maxTokens: 2, stopTokens: [], sampling: greedy })
    scheduler.add(asking('whole', [...away, 50]))
    scheduler.add(asking('part', [...away.slice(0, 15), 51]))
    const [whole, ...others] = scheduler.schedule()
    expect([whole?.id, whole?.start, whole?.restore?.tokens]).toEqual(['whole', 20, away])
    expect(others).toEqual([])
    if (whole === undefined) return
    scheduler.retract(whole)
    scheduler.commit([], [])
    expect(scheduler.schedule().map(({ id, start, copyFrom }) => [id, start, copyFrom])).toEqual([
      ['whole', 0, undefined],
    ])
  })

  it('Scheduler continues a sequence of another engine as if it had generated its tokens itself', async () => {
    for (let seed = 1; seed <= 50; seed++) {
      const [params] = workload(random(seed))
      if (params === undefined) continue
      const whole = sequenceOf({ ...params, maxTokens: 12 })
      await drain([whole], new SimulatedEngine(limits), new NoPrefixSlotCache(3))
      const generated = whole.tokens.slice(whole.promptLength)
      for (let done = 0; done < generated.length; done++) {
        const rest = sequenceOf({ ...params, maxTokens: 12, generated: generated.slice(0, done) })
        await drain([rest], new SimulatedEngine(limits), new NoPrefixSlotCache(3))
        expect([rest.tokens, rest.end]).toEqual([whole.tokens, whole.end])
      }
    }
  })

  it('Scheduler moves sequences into the slots of ended ones, and changes no output by it', async () => {
    const wide: EngineLimits = { slots: 8, contextSize: 64, batchTokens: 64 }
    const engine = new SimulatedEngine(wide)
    const parked = new ParkedPrefixes(10_000)
    const scheduler = new Scheduler(wide, new PrefixSlotCache(wide.slots, parked, transfersByLength(4)))
    const asked = [3, 40, 3, 40, 3, 3, 40, 40].map((maxTokens, id) => ({ ...params(id), maxTokens }))
    const sequences = asked.map(sequenceOf)
    for (const one of sequences) scheduler.add(one)
    const slots: number[][] = []
    const parks: (readonly number[])[] = []
    for (let batch = scheduler.schedule(); batch.length > 0; batch = scheduler.schedule()) {
      for (const { park } of batch) if (park) parks.push(park.tokens)
      slots.push(batch.map(({ slot }) => slot))
      scheduler.commit(batch, await engine.step(batch))
      scheduler.checkInvariants()
    }
    expect(runsOf(slots[3] ?? [])).toBe(2)
    expect(slots.slice(4).every((used) => runsOf(used) === 1)).toBe(true)
    // What lay in the holes is parked, not lost.
    expect(parks.length).toBeGreaterThan(0)
    for (const [index, one] of sequences.entries()) {
      const alone = sequenceOf(asked[index] as SequenceParams)
      await drain([alone], new SimulatedEngine(roomy(wide)), new NoPrefixSlotCache(1))
      expect(one.tokens).toEqual(alone.tokens)
    }
  })

  it('Scheduler gives prompts no more of a pass than their budget, which depends on the decodes', async () => {
    const engine = new SimulatedEngine(limits)
    const asked: number[] = []
    const prefill = {
      patience: 0,
      tokens: (decodes: number) => {
        asked.push(decodes)
        return 2
      },
      observe: () => undefined,
    }
    const scheduler = new Scheduler(limits, new NoPrefixSlotCache(3), { prefill })
    for (const [id, length] of Object.entries({ a: 1, b: 5 })) scheduler.add(sequence(id, length, 9))
    const sizes: Record<string, number>[] = []
    for (let step = 0; step < 4; step++) {
      const batch = scheduler.schedule()
      sizes.push(Object.fromEntries(batch.map(({ id, tokens }) => [id, tokens.length])))
      scheduler.commit(batch, await engine.step(batch))
    }
    expect(sizes).toEqual([
      { a: 1, b: 1 },
      { a: 1, b: 2 },
      { a: 1, b: 2 },
      { a: 1, b: 1 },
    ])
    expect(asked).toEqual([0, 1, 1])
  })

  describe('streams that have just begun', () => {
    /** Rows of each pass, by sequence; streams leave prompts two rows. */
    async function rowsOf(patience: number, lengths: Record<string, number>, passes: number) {
      const limits = { slots: 3, contextSize: 64, batchTokens: 8 }
      const engine = new SimulatedEngine(limits)
      const prefill = {
        patience,
        tokens: (decodes: number) => (decodes > 0 ? 2 : 8),
        observe: () => undefined,
      }
      const scheduler = new Scheduler(limits, new NoPrefixSlotCache(3), { prefill })
      const rows: Record<string, number>[] = []
      const step = async (): Promise<void> => {
        const batch = scheduler.schedule()
        rows.push(Object.fromEntries(batch.map(({ id, tokens }) => [id, tokens.length])))
        scheduler.commit(batch, await engine.step(batch))
      }
      for (const [id, length] of Object.entries(lengths)) scheduler.add(sequence(id, length, 9))
      while (rows.length < passes) await step()
      return { rows, scheduler, step }
    }

    it('streams that have just begun skip passes while prompts that came with them are computed', async () => {
      expect((await rowsOf(2, { a: 4, b: 16 }, 4)).rows).toEqual([
        { a: 4, b: 4 },
        { b: 8 },
        { b: 4 },
        { a: 1, b: 1 },
      ])
      expect((await rowsOf(0, { a: 4, b: 8 }, 3)).rows).toEqual([
        { a: 4, b: 4 },
        { a: 1, b: 2 },
        { a: 1, b: 2 },
      ])
    })

    it('streams that have just begun skip a bounded number of passes', async () => {
      expect((await rowsOf(1, { a: 4, b: 16 }, 4)).rows).toEqual([
        { a: 4, b: 4 },
        { b: 8 },
        { a: 1, b: 2 },
        { a: 1, b: 2 },
      ])
    })

    it('streams that have just begun skip no pass for a prompt that fits beside them', async () => {
      expect((await rowsOf(2, { a: 4, b: 6 }, 2)).rows).toEqual([
        { a: 4, b: 4 },
        { a: 1, b: 2 },
      ])
    })

    it('streams that have just begun skip no pass in which they move', async () => {
      const limits = { slots: 4, contextSize: 64, batchTokens: 16 }
      const engine = new SimulatedEngine(limits)
      const prefill = {
        patience: 2,
        tokens: (decodes: number) => (decodes > 0 ? 2 : 16),
        observe: () => undefined,
      }
      const scheduler = new Scheduler(limits, new PrefixSlotCache(4), { prefill })
      const step = async (): Promise<readonly ScheduledEntry[]> => {
        const batch = scheduler.schedule()
        scheduler.commit(batch, await engine.step(batch))
        return batch
      }
      const behind = { share: { tenant: '', weight: 1, priority: 1 }, cacheScope: 'long' }
      scheduler.add(sequence('long', 30, 9, behind))
      await step()
      scheduler.add(sequence('short', 3, 1, { cacheScope: 'short' }))
      scheduler.add(sequence('stream', 4, 20, { cacheScope: 'stream' }))
      await step()
      // The short one has left a hole between the others.
      const moved = (await step()).find(({ id }) => id === 'stream')
      expect([moved?.slot, moved?.copyFrom]).toEqual([1, 2])
    })

    it('streams that have continued skip no further pass, nor do those beside them', async () => {
      const { rows, scheduler, step } = await rowsOf(2, { a: 4 }, 3)
      scheduler.add(sequence('b', 4, 9))
      await step()
      await step()
      scheduler.add(sequence('c', 16, 9))
      await step()
      expect(rows).toEqual([
        { a: 4 },
        { a: 1 },
        { a: 1 },
        { a: 1, b: 2 },
        { a: 1, b: 2 },
        { a: 1, b: 1, c: 2 },
      ])
    })
  })
})
