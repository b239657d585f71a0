import type { Llama, LlamaModel } from 'node-llama-cpp'
import { loadLlama } from './llama-library.ts'

export interface OpenModelOptions {
  readonly modelPath: string
  readonly threads: number
  /** -1: as many as fit beside `contextTokens`. 0: llama.cpp does not look for a GPU. */
  readonly gpuLayers: number
  /** What findGpu() found. Default: the best that is there. */
  readonly gpuBackend?: string | undefined
  /** Tokens of KV cache that layers on a GPU have to leave room for. Default: node-llama-cpp's guess. */
  readonly contextTokens?: number
}

/** Loads a GGUF with the llama.cpp that came with the package: nothing is built or fetched. */
export async function openModel({
  modelPath,
  threads,
  gpuLayers,
  gpuBackend = 'auto',
  contextTokens,
}: OpenModelOptions): Promise<{ readonly llama: Llama; readonly model: LlamaModel }> {
  const llama = await loadLlama({ gpu: gpuLayers === 0 ? false : gpuBackend, threads })
  const asManyAsFit =
    contextTokens === undefined ? 'auto' : ({ fitContext: { contextSize: contextTokens } } as const)
  const model = await llama.loadModel({
    modelPath,
    gpuLayers: gpuLayers === -1 ? asManyAsFit : gpuLayers,
  })
  return { llama, model }
}
