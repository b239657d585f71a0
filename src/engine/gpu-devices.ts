import { existsSync } from 'node:fs'

/** Linux: a machine or container with a GPU has at least one of them. */
const DEVICES = ['/dev/nvidiactl', '/dev/nvidia0', '/dev/dri', '/dev/dxg', '/dev/kfd']

/** Whether an accelerator that llama.cpp could use is plausible; loading it finds out for certain. */
export function mayHaveGpu(): boolean {
  return process.platform === 'darwin' || DEVICES.some((path) => existsSync(path))
}
