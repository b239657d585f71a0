import { describe, expect, it } from 'vitest'
import { driveVirtual } from '../../bench/virtual/drive.ts'
import { VirtualServer } from '../../bench/virtual/server.ts'
import type { Session, Workload } from '../../bench/workload/workload.ts'

const cost = { fixedMs: 10, decodeMs: 1, prefillMs: 2 }
const server = (more: { slots?: number; maxQueue?: number; prefixCache?: boolean } = {}): VirtualServer => {
  const { slots = 4, maxQueue = 100, prefixCache = true } = more
  return new VirtualServer({ limits: { slots, contextSize: 256, batchTokens: 64 }, prefixCache, maxQueue })
}
const session = (promptTokens: number, outputTokens: number, more: Partial<Session> = {}): Session => ({
  group: 'all',
  seed: promptTokens,
  atMs: 0,
  prefix: undefined,
  turns: [{ promptTokens, outputTokens }],
  ...more,
})
const workload = (sessions: readonly Session[], streams?: number): Workload => ({
  name: 'w',
  description: '',
  streams,
  sessions,
})

describe('driveVirtual', () => {
  it('driveVirtual charges a prompt, then a step for each token', async () => {
    const [one] = await driveVirtual(workload([session(20, 3)]), server(), cost)
    expect(one).toMatchObject({
      sentAt: 0,
      tics: [50, 61, 72],
      endAt: 72,
      completionTokens: 3,
      promptTokens: 20,
    })
  })

  it('driveVirtual charges a batch once for its fixed cost', async () => {
    const all = await driveVirtual(workload([session(10, 2), session(12, 2)]), server(), cost)
    expect(all.map(({ tics }) => tics)).toEqual([
      [54, 66],
      [54, 66],
    ])
  })

  it('driveVirtual skips idle time and measures from the arrival', async () => {
    const late = session(20, 1, { atMs: 5000 })
    const [one] = await driveVirtual(workload([late]), server(), cost)
    expect(one).toMatchObject({ sentAt: 5000, tics: [5050] })
  })

  it('driveVirtual counts the wait for a step that runs when a request arrives', async () => {
    const all = await driveVirtual(workload([session(20, 1), session(8, 1, { atMs: 30 })]), server(), cost)
    expect(all[1]).toMatchObject({ sentAt: 30, tics: [76] })
  })

  it('driveVirtual keeps a closed loop at its streams', async () => {
    const sessions = Array.from({ length: 5 }, (_, index) => session(10 + index, 2))
    const all = await driveVirtual(workload(sessions, 1), server(), cost)
    expect(all.map(({ session: index }) => index)).toEqual([0, 1, 2, 3, 4])
    for (const [index, one] of all.entries()) expect(one.sentAt).toBe(all[index - 1]?.endAt ?? 0)
  })

  it('driveVirtual refuses requests that the queue cannot hold', async () => {
    const sessions = Array.from({ length: 5 }, (_, index) => session(10 + index, 1))
    const all = await driveVirtual(workload(sessions), server({ slots: 1, maxQueue: 2 }), cost)
    expect(all.filter(({ status }) => status === 503)).toHaveLength(3)
    expect(all.filter(({ status }) => status === 200)).toHaveLength(2)
  })

  it('driveVirtual finds the history of a conversation in the cache, and only there', async () => {
    const turns = Array.from({ length: 3 }, () => ({ promptTokens: 20, outputTokens: 5 }))
    const plan = workload([session(20, 5, { turns })], 1)
    const cached = await driveVirtual(plan, server(), cost)
    expect(cached.map(({ promptTokens }) => promptTokens)).toEqual([20, 45, 70])
    expect(cached.map(({ cachedTokens }) => cachedTokens)).toEqual([0, 24, 49])
    const none = await driveVirtual(plan, server({ prefixCache: false }), cost)
    expect(none.map(({ cachedTokens }) => cachedTokens)).toEqual([0, 0, 0])
  })
})
