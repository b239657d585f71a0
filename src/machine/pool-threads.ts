import { freeCores } from './free-cores.ts'

/** Rows that are sampled at the same time, at most: each takes some tenths of a millisecond. */
const MOST = 16

/** On a CPU more than one pool thread collapses llama.cpp's decode; with layers on a GPU the pool samples the rows. */
export function poolThreads(gpuLayers: number): Readonly<Record<string, string>> {
  return { UV_THREADPOOL_SIZE: gpuLayers === 0 ? '1' : String(Math.min(MOST, freeCores())) }
}
