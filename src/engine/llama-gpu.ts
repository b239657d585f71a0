import type { Gpu } from './gpu.ts'
import { loadLlama } from './llama-binary.ts'

/** What llama.cpp would put layers on; undefined where it would compute on the CPU alone. */
export async function findGpu(): Promise<Gpu | undefined> {
  const llama = await loadLlama({ gpu: 'auto' })
  if (llama.gpu === false) return undefined
  const { total, free, unifiedSize } = await llama.getVramState()
  return {
    backend: llama.gpu,
    devices: await llama.getGpuDeviceNames(),
    total,
    free,
    unified: unifiedSize > 0,
  }
}
