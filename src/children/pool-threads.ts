import { availableParallelism } from 'node:os'
import { mayHaveGpu } from '../engine/gpu-devices.ts'

/** On a CPU more than one pool thread collapses llama.cpp's decode; with layers on a GPU the pool samples the rows. */
export function poolThreads(gpuLayers: number): Readonly<Record<string, string>> {
  return { UV_THREADPOOL_SIZE: gpuLayers === 0 || !mayHaveGpu() ? '1' : String(availableParallelism()) }
}
