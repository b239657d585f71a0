import type { Gpu } from '../../machine/gpu.ts'
import { openAddon } from './addon.ts'

/** The GPUs that llama.cpp would put layers on; undefined where it would compute on the CPU alone. */
export async function findGpu(): Promise<Gpu | undefined> {
  const addon = await openAddon('auto')
  const backend = addon.getGpuType() ?? false
  if (backend === false) return undefined
  const { total, used, unifiedSize } = addon.getGpuVramInfo()
  const { deviceNames } = addon.getGpuDeviceInfo()
  return { backend, devices: deviceNames, total, free: Math.max(0, total - used), unified: unifiedSize > 0 }
}
