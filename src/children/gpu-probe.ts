import { once } from 'node:events'
import type { Gpu } from '../engine/gpu.ts'
import { mayHaveGpu } from '../engine/gpu-devices.ts'
import { childEntry, forked } from './supervised-child.ts'

/** Drivers can take seconds to wake the cards of a large machine. */
const PATIENCE_MS = 60_000

/**
 * Looks for a GPU in a process of its own, which ends: a driver that fails takes only that with it. Undefined where there is none,
 * or none that llama.cpp can open.
 */
export async function probeGpu(): Promise<Gpu | undefined> {
  if (!mayHaveGpu()) return undefined
  const child = forked(childEntry('gpu'))
  const ended = new AbortController()
  child.once('exit', () => ended.abort())
  const signal = AbortSignal.any([ended.signal, AbortSignal.timeout(PATIENCE_MS)])
  try {
    const [gpu] = (await once(child, 'message', { signal })) as [Gpu | undefined]
    return gpu
  } catch {
    return undefined
  } finally {
    child.kill('SIGKILL')
  }
}
