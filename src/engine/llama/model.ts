import type { Llama, LlamaModel } from 'node-llama-cpp'
import { loadLlama } from './library.ts'

export interface OpenModelOptions {
  readonly modelPath: string
  readonly threads: number
  /** -1: as many as fit. 0: llama.cpp does not look for a GPU. */
  readonly gpuLayers: number
  /** Backend that findGpu() found. Default: the best available. */
  readonly gpuBackend?: string | undefined
}

/** Loads a GGUF with the llama.cpp that came with the package: nothing is built or fetched. */
export async function openModel({
  modelPath,
  threads,
  gpuLayers,
  gpuBackend = 'auto',
}: OpenModelOptions): Promise<{ readonly llama: Llama; readonly model: LlamaModel }> {
  const llama = await loadLlama({ gpu: gpuLayers === 0 ? false : gpuBackend, threads })
  const model = await llama.loadModel({ modelPath, gpuLayers: gpuLayers === -1 ? 'auto' : gpuLayers })
  return { llama, model }
}
