import { existsSync } from 'node:fs'

/** The accelerators of a machine, taken together. */
export interface Gpu {
  /** llama.cpp's backend: `cuda`, `vulkan`, `metal`. */
  readonly backend: string
  readonly devices: readonly string[]
  /** Bytes of memory, of all devices. */
  readonly total: number
  readonly free: number
  /** Whether its memory is the machine's own. */
  readonly unified: boolean
}

/** Linux: a machine or container with a GPU has at least one of them. */
const DEVICES = ['/dev/nvidiactl', '/dev/nvidia0', '/dev/dri', '/dev/dxg', '/dev/kfd']

/** Whether an accelerator that llama.cpp could use is plausible; loading it finds out for certain. */
export function mayHaveGpu(): boolean {
  return process.platform === 'darwin' || DEVICES.some((path) => existsSync(path))
}
