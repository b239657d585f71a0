import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { NamedAdapter } from '../adapters/adapters.ts'
import { ConfigError } from '../base/config-error.ts'
import { parseLoraModules } from '../config/lora-modules.ts'
import { type Config, servedNames } from '../config/schema.ts'
import type { MachinePlan } from '../machine/machine-plan.ts'
import { parkingSpace } from '../machine/parking-space.ts'
import {
  checkFit,
  type FitPlan,
  fitPlan,
  fits,
  fitsGpu,
  layersOnGpu,
  planInWords,
  size,
} from '../models/fit-plan.ts'
import { readModel } from '../models/gguf/gguf.ts'
import { type GgufSummary, makesEmbeddings, ranks } from '../models/gguf/gguf-summary.ts'
import type { DownloadProgress } from '../models/hub/download.ts'
import { progressReporter, progressText } from '../models/hub/progress.ts'
import { type LocatedModel, locateModel, modelDisplayName } from '../models/locate.ts'
import { openLoraAdapter } from '../models/lora-adapter.ts'
import { ModelFileError } from '../models/model-file-error.ts'
import type { EmbeddingInit } from '../protocol/embedding-messages.ts'
import type { Altiplano } from './altiplano.ts'
import { writeTerminationMessage } from './termination-message.ts'

/** Tokens of an input to embed, when nothing is said: a whole input is one batch, and memory grows with it. */
const DEFAULT_EMBEDDING_CONTEXT = 2048

/** Between two looks at a model that is not there yet. */
const LOOK_AGAIN_MS = 500

export async function startModel(
  altiplano: Altiplano,
  config: Config,
  looked: Promise<MachinePlan>,
  local: LocatedModel | undefined,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  try {
    const { located, summary } = await readLocated(altiplano, config, local, signal)
    const machine = await looked
    tellGpu(config, machine, log)
    if (makesEmbeddings(summary) || ranks(summary)) {
      return startAlone(altiplano, config, machine, located, summary)
    }
    checkAttention(config)
    const plan = fitPlan(summary, config, machine.room)
    checkFit(summary, plan, machine.room)
    const parking = parkingSpace(config, located.path)
    const layers = machine.gpu ? layersOnGpu(summary, plan, machine.room, config.gpuLayers) : 0
    const total = summary.blockCount + 1
    tellPlan({ ...plan, ...machine, layers: { onGpu: layers, total }, parking: parking?.bytes ?? 0 }, log)
    const adapters: NamedAdapter[] = []
    for (const { name, path } of parseLoraModules(config.loraModules)) {
      adapters.push({ name, ...(await openLoraAdapter(path, located.shards)) })
    }
    const engine = {
      modelPath: located.path,
      slots: plan.slots,
      contextSize: plan.contextSize,
      batchTokens: plan.batchTokens,
      threads: machine.threads,
      gpuLayers: layers,
      gpuBackend: machine.gpu?.backend,
      kvCacheType: plan.kvCacheType,
      flashAttention: config.flashAttention,
      prefixCache: config.prefixCache,
      parking,
      blockSize: config.kvEventsEndpoint === undefined ? undefined : config.kvEventsBlockSize,
      itlTargetMs: config.itlTargetMs,
      // The gateway counts those that run too, and one that it has just let in may find them still running.
      maxWaiting: plan.slots + config.maxQueue + config.maxN,
    }
    altiplano.startModel(engine, located.shards, adapters, planInWords(plan, machine.room))
  } catch (error) {
    if (signal.aborted) return
    const reason = error instanceof ModelFileError ? error.message : 'the model could not be opened'
    log.error({ err: error }, reason)
    if (writeTerminationMessage(reason)) altiplano.giveUp(reason)
    altiplano.refuseModel(() => reason)
  }
}

/** A model that generates nothing, as the only one. @throws ModelFileError. */
function startAlone(
  altiplano: Altiplano,
  config: Config,
  machine: MachinePlan,
  located: LocatedModel,
  summary: GgufSummary,
): void {
  if (config.embeddingModel !== undefined) {
    throw new ModelFileError(
      `${summary.file}: makes embeddings or ranks, and there is an --embedding-model already.`,
    )
  }
  if (config.loraModules !== undefined) throw new ModelFileError(`${summary.file}: takes no LoRA adapters.`)
  altiplano.startEmbeddingModel(embeddingInit(config, machine, located, summary), true)
}

/** Without a GPU llama.cpp is not made to look for one again. */
function gpuOf({ gpuLayers }: Config, { gpu }: MachinePlan): Pick<EmbeddingInit, 'gpuLayers' | 'gpuBackend'> {
  return gpu === undefined ? { gpuLayers: 0 } : { gpuLayers, gpuBackend: gpu.backend }
}

function embeddingInit(
  config: Config,
  machine: MachinePlan,
  { path }: LocatedModel,
  summary: GgufSummary,
): EmbeddingInit {
  return {
    ranks: ranks(summary),
    modelPath: path,
    contextSize: Math.min(
      config.embeddingContextSize || DEFAULT_EMBEDDING_CONTEXT,
      summary.contextLength || DEFAULT_EMBEDDING_CONTEXT,
    ),
    threads: machine.threads,
    ...gpuOf(config, machine),
  }
}

export async function startEmbeddingModel(
  altiplano: Altiplano,
  config: Config,
  looked: Promise<MachinePlan>,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  try {
    const located = await locate(config, undefined, signal, config.embeddingModel)
    const summary = await readModel(located.shards)
    if (!makesEmbeddings(summary) && !ranks(summary)) {
      throw new ModelFileError(
        `${summary.file}: neither an embedding model nor a reranking one (${summary.architecture} without pooling).`,
      )
    }
    altiplano.startEmbeddingModel(embeddingInit(config, await looked, located, summary))
  } catch (error) {
    if (signal.aborted) return
    const known = error instanceof ModelFileError || error instanceof ConfigError
    const reason = known ? error.message : 'the embedding model could not be opened'
    log.error({ err: error }, reason)
    if (writeTerminationMessage(reason)) altiplano.giveUp(reason)
    altiplano.refuseEmbeddingModel(reason)
  }
}

/** @throws ConfigError for a list that cannot be read, or a name that is a model's. */
export function checkAdapterNames({ loraModules }: Config, names: readonly string[]): void {
  const taken = parseLoraModules(loraModules).find(({ name }) => names.includes(name))
  if (taken !== undefined) throw new ConfigError(`--lora-modules: a model is called ${taken.name} already.`)
}

/** @throws ConfigError when both models would answer to one name. */
export function embeddingNamesOf(config: Config, names: readonly string[]): string[] | undefined {
  const { embeddingModel, embeddingModelName } = config
  if (embeddingModel === undefined) return undefined
  const own = servedNames(embeddingModelName, modelDisplayName(embeddingModel))
  const both = own.find((name) => names.includes(name))
  if (both !== undefined) {
    throw new ConfigError(
      `Both models would be called ${both}. Choose another name with --embedding-model-name`,
      1,
    )
  }
  return own
}

/** KServe: a model from an OCI image appears after the start, and a copied file grows: whatever is wrong with it may mend itself. */
async function readLocated(
  altiplano: Altiplano,
  config: Config,
  local: LocatedModel | undefined,
  signal: AbortSignal,
): Promise<{ readonly located: LocatedModel; readonly summary: GgufSummary }> {
  const deadline = performance.now() + config.waitForModel * 1000
  for (;;) {
    try {
      const located = local ?? (await locate(config, progressOf(altiplano), signal))
      return { located, summary: await readModel(located.shards) }
    } catch (error) {
      if (!(error instanceof ModelFileError) || performance.now() > deadline || signal.aborted) throw error
      altiplano.refuseModel(() => `waiting for the model: ${error.message}`)
    }
    await pause(LOOK_AGAIN_MS, undefined, { signal })
  }
}

/** A download is shown to the person at the terminal, and as the reason of not being ready. */
function progressOf(altiplano: Altiplano): (progress: DownloadProgress) => void {
  const show = progressReporter(process.stderr)
  return (progress) => {
    show(progress)
    altiplano.refuseModel(() => progressText(progress))
  }
}

/** llama.cpp: only its fused attention reads quantized values. @throws ModelFileError. */
function checkAttention({ flashAttention, kvCacheType }: Config): void {
  if (flashAttention !== 'off' || ['f32', 'f16', 'bf16'].includes(kvCacheType)) return
  throw new ModelFileError(
    `--kv-cache-type ${kvCacheType} needs flash attention: leave --flash-attention at auto, or take f16.`,
  )
}

/** What the engine is started with, and what it takes: the first thing to look at when a start fails. */
function tellPlan(
  plan: FitPlan & MachinePlan & { readonly layers: object; readonly parking: number },
  log: Logger,
): void {
  const { room, uselessGpu: _, ...rest } = plan
  log.info({ ...rest, memory: room.host }, 'plan, in bytes and tokens')
  if (!fits(plan, room)) {
    log.warn({ total: plan.total, ...room }, 'the weights do not fit in memory: expect it to be slow')
  } else if (room.gpu > 0 && !fitsGpu(plan, room)) {
    log.warn(
      { total: plan.total, ...room },
      `not all of it fits in the ${size(room.gpu)} that are free on the GPU: layers stay on the CPU, and it is slow`,
    )
  }
}

/** A GPU that is there, or is asked for, and is not used makes a server slow for no reason that one could see. */
function tellGpu({ gpuLayers }: Config, { gpu, uselessGpu }: MachinePlan, log: Logger): void {
  if (gpu !== undefined || (gpuLayers <= 0 && uselessGpu === undefined)) return
  log.warn(
    { wrote: uselessGpu || undefined },
    uselessGpu === undefined
      ? 'there is no GPU: all layers are on the CPU'
      : 'llama.cpp can use no GPU here: all layers are on the CPU',
  )
}

/** Finds the model's files, fetching them first where the setting names a hub. */
export function locate(
  config: Config,
  onProgress?: (progress: DownloadProgress) => void,
  signal?: AbortSignal,
  model = config.model,
): Promise<LocatedModel> {
  return locateModel(model, {
    endpoint: config.hfEndpoint,
    cacheDir: config.modelCache,
    token: process.env['HF_TOKEN'],
    onProgress,
    signal,
  })
}
