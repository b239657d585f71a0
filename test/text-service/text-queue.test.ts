import { describe, expect, it } from 'vitest'
import { type QueuedCall, TextQueue } from '../../src/text-service/text-queue.ts'

interface Call extends QueuedCall {
  readonly name: string
}

function call(tenant: string, name: string, more: Partial<Call['share']> & { size?: number } = {}): Call {
  const { size = 1000, ...share } = more
  return { name, kind: 'text', size, share: { tenant, weight: 1, priority: 0, ...share } }
}

/** Serves all that waits, and says in which order. */
function served(queue: TextQueue<Call>, cpuMs = 100): string[] {
  const names: string[] = []
  for (let next = queue.next(); next !== undefined; next = queue.next()) {
    names.push(next.name)
    queue.done(next, cpuMs, cpuMs)
  }
  return names
}

describe('TextQueue', () => {
  it('TextQueue serves tenants in turn, each in order of arrival', () => {
    const queue = new TextQueue<Call>()
    for (let index = 0; index < 4; index++) queue.enter(call('a', `a${index}`))
    queue.enter(call('b', 'b0'))
    queue.enter(call('b', 'b1'))
    expect(served(queue)).toEqual(['a0', 'b0', 'a1', 'b1', 'a2', 'a3'])
  })

  it('TextQueue serves a tenant that has had little before one that has had much', () => {
    const queue = new TextQueue<Call>()
    queue.enter(call('a', 'a0'))
    served(queue, 5000)
    for (const name of ['a1', 'a2']) queue.enter(call('a', name))
    for (const name of ['b0', 'b1', 'b2']) queue.enter(call('b', name))
    expect(served(queue)).toEqual(['b0', 'b1', 'b2', 'a1', 'a2'])
  })

  it('TextQueue serves tenants by their weights', () => {
    const queue = new TextQueue<Call>()
    for (let index = 0; index < 6; index++) {
      queue.enter(call('a', 'a', { weight: 2 }))
      queue.enter(call('b', 'b'))
    }
    const names = served(queue).slice(0, 6)
    expect(names.filter((name) => name === 'a')).toHaveLength(4)
  })

  it('TextQueue serves bulk calls after others, and not after all of them', () => {
    const queue = new TextQueue<Call>()
    queue.enter(call('a', 'bulk', { priority: 1 }))
    for (let index = 0; index < 50; index++) queue.enter(call(`tenant ${index}`, 'chat'))
    // It goes up by one for every two seconds of others', and comes first then: nobody has had less, and it came first.
    expect(served(queue).indexOf('bulk')).toBe(20)
  })

  it('TextQueue forgets a call that has left', () => {
    const queue = new TextQueue<Call>()
    const [left, stays] = [call('a', 'left'), call('a', 'stays')]
    queue.enter(left)
    queue.enter(stays)
    expect([queue.leave(left), queue.leave(left), queue.size]).toEqual([true, false, 1])
    expect(served(queue)).toEqual(['stays'])
    expect(queue.leave(stays)).toBe(false)
  })

  it('TextQueue accepts ten seconds of work from a tenant, and says when it would accept more', () => {
    const queue = new TextQueue<Call>()
    // Half a second a million characters, as long as nothing is known.
    const long = (tenant: string): Call => call(tenant, tenant, { size: 6_000_000 })
    expect([queue.enter(long('a')), queue.enter(long('a')), queue.enter(long('a'))]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    const retryAfterMs = queue.enter(long('a')) ?? 0
    expect(retryAfterMs).toBeGreaterThan(1900)
    expect(retryAfterMs).toBeLessThan(2100)
    expect(queue.enter(call('a', 'short'))).toBeUndefined()
    expect(queue.enter(long('b'))).toBeUndefined()
    // Half of the time is the other one's.
    expect(queue.enter(long('a'))).toBeGreaterThan(3900)
    const next = queue.next()
    expect([next?.name, queue.enter(long('a'))]).toEqual(['a', undefined])
  })

  it('TextQueue always has room for one more tenant', () => {
    const queue = new TextQueue<Call>()
    const calls = (tenant: string): number => {
      let taken = 0
      while (taken < 100 && queue.enter(call(tenant, tenant, { size: 1_000_000 })) === undefined) taken++
      return taken
    }
    const taken = Array.from({ length: 30 }, (_, index) => calls(`tenant ${index}`))
    expect(taken[0]).toBe(19)
    expect(taken.reduce((sum, count) => sum + count, 0)).toBeLessThan(160)
    expect(Math.min(...taken)).toBe(1)
  })

  it('TextQueue learns the duration of short and of long texts separately', () => {
    const queue = new TextQueue<Call>()
    for (let index = 0; index < 100; index++) {
      for (const [size, ms] of [
        [100, 20],
        [1_000_000, 4000],
      ] as const) {
        queue.enter(call('a', 'a', { size }))
        const next = queue.next()
        if (next !== undefined) queue.done(next, ms, ms)
      }
    }
    // Two of four seconds, and 99 of 20 ms.
    const taken = (size: number): number => {
      let count = 0
      while (queue.enter(call('b', 'b', { size })) === undefined) count++
      return count
    }
    expect(taken(1_000_000)).toBe(2)
    expect(taken(100)).toBeGreaterThan(90)
    expect(taken(100)).toBe(0)
  })
})
