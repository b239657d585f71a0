import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { PeriodicGc } from '../../src/workers/periodic-gc.ts'

describe('PeriodicGc', () => {
  it('PeriodicGc collects after a thousand calls, not within one, and again after the next thousand', async () => {
    const collect = vi.fn()
    const gc = new PeriodicGc(collect)
    for (let call = 0; call < 999; call++) gc.onCall()
    await turn()
    expect(collect).not.toHaveBeenCalled()
    gc.onCall()
    expect(collect).not.toHaveBeenCalled()
    await turn()
    expect(collect).toHaveBeenCalledTimes(1)
    for (let call = 0; call < 1000; call++) gc.onCall()
    await turn()
    expect(collect).toHaveBeenCalledTimes(2)
  })

  it('PeriodicGc refuses to start without --expose-gc', () => {
    expect(() => new PeriodicGc(undefined)).toThrow('--expose-gc')
  })
})
