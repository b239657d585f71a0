import { createHook } from 'node:async_hooks'
import { getLlama, LlamaLogLevel } from 'node-llama-cpp'
import { describe, expect, it } from 'vitest'
import { loadLlama } from '../../src/engine/llama/library.ts'

/** How many processes `work` forks. */
async function forksOf(work: () => Promise<unknown>): Promise<number> {
  let forks = 0
  const hook = createHook({
    init: (_, type) => {
      if (type === 'PROCESSWRAP') forks++
    },
  }).enable()
  try {
    await work()
  } finally {
    hook.disable()
  }
  return forks
}

describe('loadLlama on the CPU', () => {
  it('opens the binary without a process that tries it first', async () => {
    const theirs = await forksOf(async () => {
      const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error })
      await llama.dispose()
    })
    const ours = await forksOf(async () => {
      const llama = await loadLlama({ gpu: false })
      await llama.dispose()
    })
    // Where node-llama-cpp tries no binary there is nothing to save.
    expect(theirs).toBe(process.platform === 'linux' ? 1 : 0)
    expect(ours).toBe(0)
  })

  it('is what node-llama-cpp itself opens', async () => {
    const theirs = await getLlama({
      gpu: false,
      build: 'never',
      logLevel: LlamaLogLevel.error,
      maxThreads: 1,
    })
    const ours = await loadLlama({ gpu: false, threads: 1 })
    for (const of of [
      'gpu',
      'buildType',
      'llamaCppRelease',
      'systemInfo',
      'maxThreads',
      'supportsMmap',
    ] as const) {
      expect(ours[of], of).toEqual(theirs[of])
    }
    expect(await ours.getSwapState()).toEqual(await theirs.getSwapState())
    await ours.dispose()
    await theirs.dispose()
  })
})
