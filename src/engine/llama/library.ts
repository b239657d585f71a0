import { getLlama, type Llama, type LlamaGpuType, LlamaLogLevel } from 'node-llama-cpp'

export interface LibraryOptions {
  /** `auto`: the best that is there. False: llama.cpp does not look for a GPU. Else the backend that findGpu() found. */
  readonly gpu: string | false
  /** Threads of a pass at most. Default: node-llama-cpp's. */
  readonly threads?: number
}

/** node-llama-cpp with its classes, on the llama.cpp that came with it or was built in it: nothing is built or fetched here. */
export function loadLlama({ gpu, threads }: LibraryOptions): Promise<Llama> {
  return getLlama({
    gpu: gpu as 'auto' | LlamaGpuType,
    build: 'never',
    logLevel: LlamaLogLevel.error,
    ...(threads !== undefined && { maxThreads: threads }),
  })
}
