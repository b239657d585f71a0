import { describe, expect, it } from 'vitest'
import { type LineCall, TextLine } from '../../src/text-service/text-line.ts'

interface Call extends LineCall {
  readonly name: string
}

function call(tenant: string, name: string, more: Partial<Call['share']> & { size?: number } = {}): Call {
  const { size = 1000, ...share } = more
  return { name, kind: 'text', size, share: { tenant, weight: 1, priority: 0, ...share } }
}

/** Serves all that waits, and says in which order. */
function served(line: TextLine<Call>, cpuMs = 100): string[] {
  const names: string[] = []
  for (let next = line.next(); next !== undefined; next = line.next()) {
    names.push(next.name)
    line.done(next, cpuMs, cpuMs)
  }
  return names
}

describe('the line of a text process', () => {
  it('serves tenants in turn, each in order of arrival', () => {
    const line = new TextLine<Call>()
    for (let index = 0; index < 4; index++) line.enter(call('a', `a${index}`))
    line.enter(call('b', 'b0'))
    line.enter(call('b', 'b1'))
    expect(served(line)).toEqual(['a0', 'b0', 'a1', 'b1', 'a2', 'a3'])
  })

  it('lets who has had little go before who has had much', () => {
    const line = new TextLine<Call>()
    line.enter(call('a', 'a0'))
    served(line, 5000)
    for (const name of ['a1', 'a2']) line.enter(call('a', name))
    for (const name of ['b0', 'b1', 'b2']) line.enter(call('b', name))
    expect(served(line)).toEqual(['b0', 'b1', 'b2', 'a1', 'a2'])
  })

  it('serves them by their weights', () => {
    const line = new TextLine<Call>()
    for (let index = 0; index < 6; index++) {
      line.enter(call('a', 'a', { weight: 2 }))
      line.enter(call('b', 'b'))
    }
    const names = served(line).slice(0, 6)
    expect(names.filter((name) => name === 'a')).toHaveLength(4)
  })

  it('serves what is bulk behind what is not, and not behind all of it', () => {
    const line = new TextLine<Call>()
    line.enter(call('a', 'bulk', { priority: 1 }))
    for (let index = 0; index < 50; index++) line.enter(call(`tenant ${index}`, 'chat'))
    // It goes up by one for every two seconds of others', and comes first then: nobody has had less, and it came first.
    expect(served(line).indexOf('bulk')).toBe(20)
  })

  it('forgets who has left', () => {
    const line = new TextLine<Call>()
    const [left, stays] = [call('a', 'left'), call('a', 'stays')]
    line.enter(left)
    line.enter(stays)
    expect([line.leave(left), line.leave(left), line.size]).toEqual([true, false, 1])
    expect(served(line)).toEqual(['stays'])
    expect(line.leave(stays)).toBe(false)
  })

  it('takes of a tenant what is likely to be done in ten seconds, and says when it would take more', () => {
    const line = new TextLine<Call>()
    // Half a second a million characters, as long as nothing is known.
    const long = (tenant: string): Call => call(tenant, tenant, { size: 6_000_000 })
    expect([line.enter(long('a')), line.enter(long('a')), line.enter(long('a'))]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    const retryAfterMs = line.enter(long('a')) ?? 0
    expect(retryAfterMs).toBeGreaterThan(1900)
    expect(retryAfterMs).toBeLessThan(2100)
    expect(line.enter(call('a', 'short'))).toBeUndefined()
    expect(line.enter(long('b'))).toBeUndefined()
    // Half of the time is the other one's.
    expect(line.enter(long('a'))).toBeGreaterThan(3900)
    const next = line.next()
    expect([next?.name, line.enter(long('a'))]).toEqual(['a', undefined])
  })

  it('always has room for one tenant more', () => {
    const line = new TextLine<Call>()
    const calls = (tenant: string): number => {
      let taken = 0
      while (taken < 100 && line.enter(call(tenant, tenant, { size: 1_000_000 })) === undefined) taken++
      return taken
    }
    const taken = Array.from({ length: 30 }, (_, index) => calls(`tenant ${index}`))
    expect(taken[0]).toBe(19)
    expect(taken.reduce((sum, count) => sum + count, 0)).toBeLessThan(160)
    expect(Math.min(...taken)).toBe(1)
  })

  it('learns how long texts take, short ones and long ones by themselves', () => {
    const line = new TextLine<Call>()
    for (let index = 0; index < 100; index++) {
      for (const [size, ms] of [
        [100, 20],
        [1_000_000, 4000],
      ] as const) {
        line.enter(call('a', 'a', { size }))
        const next = line.next()
        if (next !== undefined) line.done(next, ms, ms)
      }
    }
    // Two of four seconds, and 99 of 20 ms.
    const taken = (size: number): number => {
      let count = 0
      while (line.enter(call('b', 'b', { size })) === undefined) count++
      return count
    }
    expect(taken(1_000_000)).toBe(2)
    expect(taken(100)).toBeGreaterThan(90)
    expect(taken(100)).toBe(0)
  })
})
