import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { loadModel, openAddon } from '../../src/engine/llama/addon.ts'
import { loadLlama } from '../../src/engine/llama/library.ts'

const modelPath = fileURLToPath(new URL('../../models/altiplano-demo.gguf', import.meta.url))

it('the addon opens the llama.cpp that node-llama-cpp opens, and the model that it loads', async () => {
  const llama = await loadLlama({ gpu: false, threads: 1 })
  const theirs = await llama.loadModel({ modelPath, gpuLayers: 0 })
  const addon = await openAddon(false)
  const ours = await loadModel(addon, modelPath, {})
  const { systemInfo } = addon as unknown as { systemInfo(): string }
  expect(systemInfo()).toBe(llama.systemInfo)
  expect([addon.getGpuType(), addon.getSupportsMmap()]).toEqual([false, llama.supportsMmap])
  expect(ours.getModelSize()).toBe(theirs.size)
  await ours.dispose()
  await addon.dispose()
  await theirs.dispose()
  await llama.dispose()
})

it('the addon reports a file that is no model', async () => {
  const addon = await openAddon(false)
  const notOne = fileURLToPath(new URL('../../package.json', import.meta.url))
  await expect(loadModel(addon, notOne, {})).rejects.toThrow('llama.cpp cannot load the model')
  await addon.dispose()
})
