import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** On a CPU more than one pool thread collapses llama.cpp's decode; with layers on a GPU the pool samples the rows. */
export function poolThreads(gpuLayers: number): Readonly<Record<string, string>> {
  return { UV_THREADPOOL_SIZE: gpuLayers === 0 || !hasGpu() ? '1' : String(availableParallelism()) }
}

/** Whether an accelerator that llama.cpp could use is plausible; the engine process finds out for certain. */
function hasGpu(): boolean {
  return (
    process.platform === 'darwin' ||
    existsSync('/dev/nvidiactl') ||
    existsSync('/dev/dri') ||
    existsSync('/dev/kfd')
  )
}
