import type { NamedAdapter } from '../adapters/adapters.ts'
import type { Config } from '../config/schema.ts'
import type { MachinePlan } from '../machine/machine-plan.ts'
import { parkingSpace } from '../machine/parking-space.ts'
import { checkFit, type FitPlan, fitPlan, layersOnGpu, planInWords } from '../models/fit-plan.ts'
import { type GgufSummary, ranks } from '../models/gguf/gguf-summary.ts'
import type { LocatedModel } from '../models/locate.ts'
import { ModelFileError } from '../models/model-file-error.ts'
import type { EmbeddingInit } from '../protocol/embedding-messages.ts'
import type { EngineInit } from '../protocol/engine-messages.ts'

/** Tokens of an input to embed, when nothing is said: a whole input is one batch, and memory grows with it. */
const DEFAULT_EMBEDDING_CONTEXT = 2048

/** How a model that generates is to be run. */
export interface ModelPlan {
  readonly engine: Omit<EngineInit, 'adapters'>
  /** Memory that the model takes. */
  readonly fit: FitPlan
  /** The model's files. */
  readonly shards: readonly string[]
  /** Adapters from the start, whose files have been checked. */
  readonly adapters: readonly NamedAdapter[]
  /** Memory that the engine is planned to use, and memory that is available, in words. */
  readonly memory: string
}

/** A model's file, found and read. */
export interface ReadFile {
  readonly located: LocatedModel
  readonly summary: GgufSummary
}

/** @throws ModelFileError when the model cannot be run so. */
export function planModel(
  config: Config,
  machine: MachinePlan,
  { located, summary }: ReadFile,
  adapters: readonly NamedAdapter[],
): ModelPlan {
  checkAttention(config)
  const fit = fitPlan(summary, config, machine.room)
  checkFit(summary, fit, machine.room)
  const engine = {
    modelPath: located.path,
    slots: fit.slots,
    contextSize: fit.contextSize,
    batchTokens: fit.batchTokens,
    threads: machine.threads,
    gpuLayers: machine.gpu ? layersOnGpu(summary, fit, machine.room, config.gpuLayers) : 0,
    gpuBackend: machine.gpu?.backend,
    kvCacheType: fit.kvCacheType,
    flashAttention: config.flashAttention,
    prefixCache: config.prefixCache,
    parking: parkingSpace(config, located.path),
    blockSize: config.kvEventsEndpoint === undefined ? undefined : config.kvEventsBlockSize,
    itlTargetMs: config.itlTargetMs,
    // The gateway counts those that run too, and one that it has just let in may find them still running.
    maxWaiting: fit.slots + config.maxQueue + config.maxN,
  }
  return { engine, fit, shards: located.shards, adapters, memory: planInWords(fit, machine.room) }
}

/** How a model that makes embeddings or ranks is to be run. */
export function planEmbeddingModel(
  config: Config,
  { threads, gpu }: MachinePlan,
  { located, summary }: ReadFile,
): EmbeddingInit {
  const { gpuLayers, embeddingContextSize } = config
  return {
    ranks: ranks(summary),
    modelPath: located.path,
    contextSize: Math.min(
      embeddingContextSize || DEFAULT_EMBEDDING_CONTEXT,
      summary.contextLength || DEFAULT_EMBEDDING_CONTEXT,
    ),
    threads,
    // Without a GPU llama.cpp is not made to look for one again.
    ...(gpu === undefined ? { gpuLayers: 0 } : { gpuLayers, gpuBackend: gpu.backend }),
  }
}

/** llama.cpp: only its fused attention reads quantized values. @throws ModelFileError. */
function checkAttention({ flashAttention, kvCacheType }: Config): void {
  if (flashAttention !== 'off' || ['f32', 'f16', 'bf16'].includes(kvCacheType)) return
  throw new ModelFileError(
    `--kv-cache-type ${kvCacheType} needs flash attention: leave --flash-attention at auto, or take f16.`,
  )
}
