import type { Logger } from 'pino'
import type { Altiplano } from './altiplano.ts'
import { ConfigError } from './config/config-error.ts'
import { type Config, servedNames } from './config/schema.ts'
import { freeCores } from './free-cores.ts'
import type { DownloadProgress } from './models/download.ts'
import { type GgufSummary, readModel } from './models/gguf.ts'
import { makesEmbeddings } from './models/gguf-summary.ts'
import { type LocatedModel, locateModel, modelDisplayName } from './models/locate.ts'
import { ModelFileError } from './models/model-file-error.ts'
import { progressReporter, progressText } from './models/progress.ts'
import { parkingSpace } from './parking-space.ts'

/** Tokens of a slot when nothing is said: enough for a conversation, small enough for a laptop. */
const DEFAULT_CONTEXT = 4096

/** Tokens of an input to embed, when nothing is said: a whole input is one batch, and memory grows with it. */
const DEFAULT_EMBEDDING_CONTEXT = 2048

export async function startModel(
  altiplano: Altiplano,
  config: Config,
  local: LocatedModel | undefined,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  try {
    const located = local ?? (await locate(config, progressOf(altiplano), signal))
    const summary = await readModel(located.shards)
    const parking = parkingSpace(config, located.path)
    log.info(
      { folder: parking?.folder, bytes: parking?.bytes ?? 0 },
      'room for prefixes outside of the slots',
    )
    altiplano.startModel({
      modelPath: located.path,
      slots: config.slots,
      contextSize: contextOf(config, summary),
      batchTokens: Math.max(config.batchSize, config.slots),
      threads: config.threads || freeCores(),
      tuneThreads: config.threads === 0,
      gpuLayers: config.gpuLayers,
      kvCacheType: config.kvCacheType,
      prefixCache: config.prefixCache,
      parking,
      itlTargetMs: config.itlTargetMs,
      // The gateway counts those that run too, and one that it has just let in may find them still running.
      maxWaiting: config.slots + config.maxQueue + config.maxN,
    })
  } catch (error) {
    if (signal.aborted) return
    const reason = error instanceof ModelFileError ? error.message : 'the model could not be opened'
    log.error({ err: error }, reason)
    altiplano.refuseModel(() => reason)
  }
}

export async function startEmbeddingModel(
  altiplano: Altiplano,
  config: Config,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  try {
    const located = await locate(config, undefined, signal, config.embeddingModel)
    const summary = await readModel(located.shards)
    if (!makesEmbeddings(summary)) {
      throw new ModelFileError(
        `${summary.file}: not an embedding model (${summary.architecture} without pooling).`,
      )
    }
    const longest = Math.min(config.embeddingContextSize || DEFAULT_EMBEDDING_CONTEXT, summary.contextLength)
    altiplano.startEmbeddingModel({
      modelPath: located.path,
      contextSize: longest,
      threads: config.threads || freeCores(),
      gpuLayers: config.gpuLayers,
    })
  } catch (error) {
    if (signal.aborted) return
    const known = error instanceof ModelFileError || error instanceof ConfigError
    const reason = known ? error.message : 'the embedding model could not be opened'
    log.error({ err: error }, reason)
    altiplano.refuseEmbeddingModel(reason)
  }
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

/** A download is shown to the person at the terminal, and as the reason of not being ready. */
function progressOf(altiplano: Altiplano): (progress: DownloadProgress) => void {
  const show = progressReporter(process.stderr)
  return (progress) => {
    show(progress)
    altiplano.refuseModel(() => progressText(progress))
  }
}

function contextOf(config: Config, summary: GgufSummary): number {
  if (config.contextSize !== 0) return config.contextSize
  return Math.min(summary.contextLength || DEFAULT_CONTEXT, DEFAULT_CONTEXT)
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
