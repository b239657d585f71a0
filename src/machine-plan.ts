import { type Config, settings } from './config/schema.ts'
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
  /** What is asked of a GPU, in the words of the setting; `none`: there is none, or none is to be used. */
  readonly gpuLayers: number | string
  /** llama.cpp: `auto` is on wherever the backend has it. */
  readonly flashAttention: Config['flashAttention']
}

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

function layersInWords(layers: number): number | string {
  const { words = {} } = settings.find(({ name }) => name === 'gpuLayers')?.schema ?? {}
  return Object.entries(words).find(([, value]) => value === layers)?.[0] ?? layers
}
