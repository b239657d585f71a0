import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { Tidying } from '../../src/workers/tidying.ts'

describe('Tidying', () => {
  it('collects after a thousand calls, not within one, and again after the next thousand', async () => {
    const collect = vi.fn()
    const tidying = new Tidying(collect)
    for (let call = 0; call < 999; call++) tidying.onCall()
    await turn()
    expect(collect).not.toHaveBeenCalled()
    tidying.onCall()
    expect(collect).not.toHaveBeenCalled()
    await turn()
    expect(collect).toHaveBeenCalledTimes(1)
    for (let call = 0; call < 1000; call++) tidying.onCall()
    await turn()
    expect(collect).toHaveBeenCalledTimes(2)
  })

  it('says so where it could not', () => {
    expect(() => new Tidying(undefined)).toThrow('--expose-gc')
  })
})
