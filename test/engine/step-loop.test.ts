import { describe, expect, it } from 'vitest'
import { StepLoop } from '../../src/engine/step-loop.ts'
import { PrefixSlotCache } from '../../src/kvcache/prefix-slot-cache.ts'
import type { EngineLimits } from '../../src/protocol/engine.ts'
import type { SequenceEvent, StepMessage } from '../../src/protocol/engine-messages.ts'
import { Scheduler } from '../../src/scheduler/scheduler.ts'
import type { Sequence } from '../../src/scheduler/sequence.ts'
import { sequenceOf } from '../support/sequences.ts'
import { SimulatedEngine, type SimulatedOptions } from '../support/simulated-engine.ts'
import { greedy } from '../support/workload.ts'

const limits: EngineLimits = { slots: 2, contextSize: 64, batchTokens: 8 }
const sequence = (id: string, length: number, maxTokens: number): Sequence =>
  sequenceOf({
    id,
    prompt: Array.from({ length }, (_, i) => i),
    maxTokens,
    stopTokens: [],
    sampling: greedy,
  })

function start(
  options: SimulatedOptions = {},
  maxWaiting = 10,
  onStep: (message: StepMessage) => void = () => undefined,
  cache = new PrefixSlotCache(limits.slots),
) {
  const steps: StepMessage[] = []
  const stop = new AbortController()
  const loop = new StepLoop({
    engine: new SimulatedEngine(limits, options),
    scheduler: new Scheduler(limits, cache, { maxWaiting }),
    now: () => performance.now(),
    onStep: (message) => {
      steps.push(message)
      onStep(message)
    },
  })
  const running = loop.run(stop.signal)
  const events = (id: string): SequenceEvent[] =>
    steps.flatMap((step) => step.events).filter((event) => event.id === id)
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1))
  }
  const end = async (): Promise<void> => {
    stop.abort()
    await running
  }
  return { loop, steps, events, until, end, running }
}

describe('StepLoop', () => {
  it('StepLoop sleeps until it has work, and reports each token once and one end', async () => {
    const { loop, events, until, end, steps } = start()
    loop.add(sequence('a', 3, 4))
    await until(() => events('a').some((event) => event.finish !== undefined))
    await end()
    expect(events('a').map((event) => event.finish)).toEqual([undefined, undefined, undefined, 'length'])
    expect(events('a').filter((event) => event.admitted !== undefined)).toHaveLength(1)
    expect(steps).toHaveLength(4)
    expect(steps.at(-1)?.stats).toMatchObject({ waiting: 0, running: 0, generatedTokens: 4, promptTokens: 3 })
  })

  it('StepLoop reports scores with their tokens, and none that no request wants', async () => {
    const { loop, events, until, end } = start()
    const scored = (id: string, length: number, maxTokens: number): Sequence =>
      sequenceOf({
        id,
        prompt: Array.from({ length }, (_, i) => i),
        maxTokens,
        stopTokens: [],
        sampling: greedy,
        logprobs: { top: 2, prompt: true },
        speculation: { prediction: [] },
      })
    for (const one of [scored('a', 20, 30), scored('b', 20, 0), sequence('c', 3, 3)]) loop.add(one)
    await until(() => ['a', 'b', 'c'].every((id) => events(id).some(({ finish }) => finish !== undefined)))
    await end()
    const tokens = events('a').filter(({ token }) => token !== undefined)
    expect(tokens).toHaveLength(30)
    expect(tokens.every(({ logprob }) => logprob?.top.length === 2)).toBe(true)
    for (const id of ['a', 'b']) {
      expect(events(id).flatMap(({ promptLogprobs }) => promptLogprobs ?? [])).toHaveLength(19)
      expect(events(id).filter(({ promptLogprobs }) => promptLogprobs).length).toBeGreaterThan(1)
      expect(events(id).filter(({ admitted }) => admitted)).toHaveLength(1)
      expect(events(id).at(-1)?.finish).toBe('length')
    }
    expect(events('c').some((event) => 'logprob' in event || 'promptLogprobs' in event)).toBe(false)
  })

  it('StepLoop lets a rewritten sequence continue before all that wait, with its computed tokens', async () => {
    const prompt = Array.from({ length: 20 }, (_, i) => i)
    const rewritten = sequenceOf({
      id: 'a2',
      prompt,
      generated: [7, 8],
      maxTokens: 9,
      stopTokens: [],
      sampling: greedy,
    })
    const { loop, steps, events, until, end } = start({}, 10, (step) => {
      if (step.events.some(({ id, token }) => id === 'a' && token !== undefined)) loop.add(rewritten, 'a')
    })
    for (const id of ['a', 'b', 'c', 'd']) loop.add(sequence(id, 20, 30))
    await until(() => events('a2').some(({ finish }) => finish !== undefined))
    expect(events('a').at(-1)?.finish).toBe('cancelled')
    expect(events('a2').filter(({ token }) => token !== undefined)).toHaveLength(7)
    expect(events('a2')[0]?.admitted?.cached).toBeGreaterThanOrEqual(20)
    await until(() => events('c').length > 0)
    await end()
    const order = steps.flatMap(({ events: [...all] }) => all.filter(({ admitted }) => admitted))
    expect(order.map(({ id }) => id).slice(0, 4)).toEqual(['a', 'a2', 'b', 'c'])
  })

  it('StepLoop reports no token of a sequence after the step in which it was cancelled', async () => {
    let cancelled = false
    const { loop, events, until, end, steps } = start({}, 10, (message) => {
      if (message.stats.generatedTokens >= 3 && !cancelled) {
        cancelled = true
        loop.cancel('a')
      }
    })
    loop.add(sequence('a', 2, 50))
    loop.add(sequence('b', 2, 10))
    await until(() => events('b').some((event) => event.finish !== undefined))
    await end()
    const [last, before] = events('a').toReversed()
    expect([last?.finish, last?.token]).toEqual(['cancelled', undefined])
    expect(before?.token).toBeDefined()
    expect(events('a').length).toBeLessThan(5)
    expect(steps.at(-1)?.stats.running).toBe(0)
  })

  it('StepLoop reports a cancel while it is asleep, and ignores one of an unknown sequence', async () => {
    const { loop, events, until, end } = start({ delayMs: 5 }, 10)
    loop.cancel('nobody')
    for (const id of ['a', 'b', 'c']) loop.add(sequence(id, 2, 3))
    loop.cancel('c')
    await until(() => events('c').length > 0)
    expect(events('c')).toEqual([{ id: 'c', finish: 'cancelled' }])
    await end()
    expect(events('nobody')).toEqual([])
  })

  it('StepLoop ends a sequence that finds the queue full with an error', async () => {
    const { loop, events, until, end } = start({ delayMs: 5 }, 1)
    for (const id of ['a', 'b']) loop.add(sequence(id, 2, 2))
    await until(() => events('b').length > 0)
    expect(events('b')).toEqual([{ id: 'b', finish: 'error', message: 'The queue of the engine is full' }])
    await end()
  })

  it('StepLoop rejects when slots are leased that no sequence holds, once it has no work', async () => {
    const cache = new PrefixSlotCache(limits.slots)
    const { loop, running, events } = start({}, 10, undefined, cache)
    const rejected = expect(running).rejects.toThrow(/slots 1 are leased, and {2}are held.*bug/)
    loop.add(sequence('a', 2, 2))
    cache.claim(1)
    await rejected
    expect(events('a').at(-1)?.finish).toBe('length')
  })

  it('StepLoop rejects when the engine is lost', async () => {
    const { loop, running } = start({ fault: () => new Error('the device is gone') })
    loop.add(sequence('a', 2, 2))
    await expect(running).rejects.toThrow('the device is gone')
  })
})
