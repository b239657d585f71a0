import { type Config, settings } from '../config/schema.ts'
import type { Room } from '../models/fit-plan.ts'
import { freeCores } from './free-cores.ts'
import type { Gpu } from './gpu.ts'
import { probeGpu } from './gpu-probe.ts'
import { memoryLimit } from './memory-limit.ts'

/** A machine's resources, and how many of them the engine takes. */
export interface MachinePlan {
  /** Cores that the container or the machine gives. */
  readonly cores: number
  /** Threads of a forward pass, at most. */
  readonly threads: number
  /** The GPUs in use; undefined: there is none, or none is to be used. */
  readonly gpu: Gpu | undefined
  /** A device that llama.cpp cannot use, with the line that the probe wrote. */
  readonly uselessGpu: string | undefined
  /** Layers asked for, in the words of the setting; `none` without a GPU. */
  readonly gpuLayers: number | string
  /** llama.cpp: `auto` is on wherever the backend has it. */
  readonly flashAttention: Config['flashAttention']
  readonly room: Room
}

/** Looks at the machine: takes a second or two where there is a GPU. */
export async function machinePlan({ threads, gpuLayers, flashAttention }: Config): Promise<MachinePlan> {
  const cores = freeCores()
  const probe = gpuLayers === 0 ? undefined : await probeGpu()
  const gpu = probe?.gpu
  return {
    cores,
    threads: threads || cores,
    gpu,
    uselessGpu: gpu === undefined ? probe?.complaint : undefined,
    gpuLayers: gpu === undefined ? 'none' : layersInWords(gpuLayers),
    flashAttention,
    room: { host: memoryLimit(), gpu: gpu === undefined || gpu.unified ? 0 : gpu.free },
  }
}

function layersInWords(layers: number): number | string {
  const { words = {} } = settings.find(({ name }) => name === 'gpuLayers')?.schema ?? {}
  return Object.entries(words).find(([, value]) => value === layers)?.[0] ?? layers
}
