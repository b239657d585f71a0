import { once } from 'node:events'
import { childEntry, complaintIn, forked, onLines } from '../process/child-process.ts'
import { type Gpu, mayHaveGpu } from './gpu.ts'

/** Drivers can take seconds to wake the cards of a large machine. */
const PATIENCE_MS = 60_000

/** Result of looking for a GPU. */
export interface GpuProbe {
  /** Undefined: none that llama.cpp can use. */
  readonly gpu: Gpu | undefined
  /** The last line in which the probe wrote of an error. */
  readonly complaint: string
}

/** Looks for a GPU in a process of its own: a driver that fails ends that process only. Undefined where there is no device. */
export async function probeGpu(
  entry = childEntry('gpu'),
  isPlausible = mayHaveGpu(),
): Promise<GpuProbe | undefined> {
  if (!isPlausible) return undefined
  const child = forked(entry)
  let complaint = ''
  onLines(child, (line) => {
    complaint = complaintIn(line) ?? complaint
  })
  let gpu: Gpu | undefined
  child.once('message', (found: Gpu) => {
    gpu = found
  })
  const patience = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
  await once(child, 'close')
  clearTimeout(patience)
  return { gpu, complaint }
}
