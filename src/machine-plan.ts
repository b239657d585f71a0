import type { Config } from './config/schema.ts'
import { mayHaveGpu } from './engine/gpu-devices.ts'
import { freeCores } from './free-cores.ts'

/** What is taken of the machine, beside memory. */
export interface MachinePlan {
  /** Cores that the container or the machine gives. */
  readonly cores: number
  /** Threads of a forward pass, at most. */
  readonly threads: number
  /** Whether fewer threads are tried while it serves, and kept where they are faster. */
  readonly tuneThreads: boolean
  /** What is asked of a GPU; `none`: there is none, or none is to be used. */
  readonly gpuLayers: number | 'auto' | 'max' | 'none'
  /** llama.cpp: `auto` is on wherever the backend has it. */
  readonly flashAttention: Config['flashAttention']
}

/** As many layers as nobody has: all. */
const ALL_LAYERS = 10_000

export function machinePlan({ threads, gpuLayers, flashAttention }: Config): MachinePlan {
  const cores = freeCores()
  return {
    cores,
    threads: threads || cores,
    tuneThreads: threads === 0,
    gpuLayers: gpuLayers === 0 || !mayHaveGpu() ? 'none' : layersInWords(gpuLayers),
    flashAttention,
  }
}

function layersInWords(layers: number): MachinePlan['gpuLayers'] {
  if (layers === -1) return 'auto'
  return layers === ALL_LAYERS ? 'max' : layers
}
