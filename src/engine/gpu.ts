/** The accelerators of a machine, taken together. */
export interface Gpu {
  /** llama.cpp's backend: `cuda`, `vulkan`, `metal`. */
  readonly backend: string
  readonly devices: readonly string[]
  /** Bytes of memory, of all devices. */
  readonly total: number
  readonly free: number
  /** Its memory is the machine's own. */
  readonly unified: boolean
}
