import type { Logger } from 'pino'
import { Altiplano } from './altiplano.ts'
import { ConfigError } from './config/config-error.ts'
import { type Config, servedNames } from './config/schema.ts'
import { freeCores } from './free-cores.ts'
import { KeyFile } from './gateway/access/key-file.ts'
import { TlsFiles } from './gateway/access/tls-files.ts'
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

/**
 * Listens at once, loads the model, and serves until a signal. Resolves to the exit code: 0, or 1 when its
 * processes crash so often that whoever runs it has to act.
 * A model that is refused leaves the gateway alive and not ready, with the reason, for Kubernetes to show.
 */
export async function serve(config: Config, log: Logger): Promise<number> {
  checkExposure(config)
  const keyFile = openKeyFile(config, log)
  const tls = openTls(config)
  // What is not there is the caller's mistake, and needs no server to say so.
  const local = config.model?.startsWith('hf:') ? undefined : await locate(config)
  const names = servedNames(config.servedModelName, local?.displayName ?? modelDisplayName(config.model))
  const embeddingNames = embeddingNamesOf(config, names)
  const altiplano = new Altiplano({
    names,
    embeddingNames,
    maxQueue: config.maxQueue,
    maxN: config.maxN,
    maxBodyBytes: config.maxBodyBytes,
    apiKeys: () => keyFile?.keys,
    tls,
    keepAliveMs: config.heartbeatInterval * 1000,
    strictParams: config.strictParams,
    controlTokenIds: config.controlTokenIds,
    promptLookup: config.promptLookup,
    log,
  })
  const stopped = untilSignal(log)
  const starting = new AbortController()
  // The children load their engine while the gateway opens its port.
  void startModel(altiplano, config, local, log, starting.signal)
  if (config.embeddingModel !== undefined) void startEmbeddingModel(altiplano, config, log, starting.signal)
  const address = await listen(altiplano, config).catch(async (error) => {
    starting.abort()
    await altiplano.drain(0)
    throw error
  })
  log.info({ address, model: config.model ?? 'built-in' }, 'listening')
  greet(address, altiplano.names[0] ?? '')
  const failure = await Promise.race([stopped, altiplano.hopeless])
  starting.abort()
  if (failure !== undefined) log.fatal({ reason: failure }, 'giving up')
  await altiplano.drain(failure === undefined ? config.drainTimeout * 1000 : 0)
  keyFile?.close()
  tls?.close()
  log.info('stopped')
  return failure === undefined ? 0 : 1
}

/** Whoever can reach a server without keys can use it. */
function checkExposure({ host, apiKeys, allowUnauthenticated }: Config): void {
  if (apiKeys !== undefined || allowUnauthenticated || isLoopback(host)) return
  throw new ConfigError(
    `Others can reach ${host}: give --api-keys FILE, or --allow-unauthenticated where something in front of this server asks for keys`,
  )
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

function openKeyFile({ apiKeys }: Config, log: Logger): KeyFile | undefined {
  if (apiKeys === undefined) return undefined
  try {
    return new KeyFile(apiKeys, log)
  } catch (error) {
    throw new ConfigError(`--api-keys ${apiKeys}: ${(error as Error).message}`)
  }
}

function openTls({ sslCertfile, sslKeyfile }: Config): TlsFiles | undefined {
  if (sslCertfile === undefined && sslKeyfile === undefined) return undefined
  if (sslCertfile === undefined || sslKeyfile === undefined)
    throw new ConfigError('--ssl-certfile and --ssl-keyfile go together: one of them is missing')
  try {
    return new TlsFiles(sslCertfile, sslKeyfile)
  } catch (error) {
    throw new ConfigError(
      `--ssl-certfile ${sslCertfile}, --ssl-keyfile ${sslKeyfile}: ${(error as Error).message}`,
    )
  }
}

async function startModel(
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

async function startEmbeddingModel(
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
function embeddingNamesOf(config: Config, names: readonly string[]): string[] | undefined {
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

function locate(
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

async function listen(altiplano: Altiplano, { host, port }: Config): Promise<string> {
  try {
    return await altiplano.listen(host, port)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const where = `${host}:${port}`
    if (code === 'EADDRINUSE')
      throw new ConfigError(`Cannot listen on ${where}: the port is in use. Choose another with --port`, 1)
    if (code === 'EACCES') throw new ConfigError(`Cannot listen on ${where}: not permitted`, 1)
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
      throw new ConfigError(`Cannot listen on ${where}: this machine has no such address`, 1)
    }
    throw error
  }
}

/** A word to a person; machines read the log. */
function greet(address: string, model: string): void {
  if (!process.stdout.isTTY) return
  process.stderr.write(`\n  Altiplano serves ${model} at ${address}/v1\n  Stop with Ctrl-C.\n\n`)
}

/** The first signal begins the drain; the second ends the process now. */
function untilSignal(log: Logger): Promise<undefined> {
  return new Promise((resolve) => {
    let asked = false
    const onSignal = (signal: NodeJS.Signals): void => {
      if (asked) process.exit(1)
      asked = true
      log.info({ signal }, 'draining')
      resolve(undefined)
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
    // Node would open its inspector on SIGUSR1.
    process.on('SIGUSR1', () => log.warn('SIGUSR1 ignored'))
  })
}
