import { freeCores } from './free-cores.ts'

/** Rows sampled at the same time at most: each takes some tenths of a millisecond. */
const MAX_THREADS = 16

/** Environment that sizes the thread pool. Without a GPU a second thread collapses llama.cpp's decode; with one they sample rows. */
export function poolThreads(gpuLayers: number): Readonly<Record<string, string>> {
  return { UV_THREADPOOL_SIZE: gpuLayers === 0 ? '1' : String(Math.min(MAX_THREADS, freeCores())) }
}
