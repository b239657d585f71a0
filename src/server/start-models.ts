import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { NamedAdapter } from '../adapters/adapters.ts'
import { ConfigError } from '../base/config-error.ts'
import { parseLoraModules } from '../config/lora-modules.ts'
import type { Config } from '../config/schema.ts'
import type { MachinePlan } from '../machine/machine-plan.ts'
import { readWholeModel } from '../models/gguf/gguf.ts'
import { makesEmbeddings, ranks } from '../models/gguf/gguf-summary.ts'
import type { DownloadProgress } from '../models/hub/download.ts'
import { progressReporter, progressText } from '../models/hub/progress.ts'
import { type LocatedModel, locateModel } from '../models/locate.ts'
import { openLoraAdapter } from '../models/lora-adapter.ts'
import { ModelFileError } from '../models/model-file-error.ts'
import type { Altiplano } from './altiplano.ts'
import { planEmbeddingModel, planModel, type ReadFile } from './plan-model.ts'
import { reportPlan, reportUnusedGpu } from './report-plan.ts'
import { writeTerminationMessage } from './termination-message.ts'

/** Time between two looks at a model that is not there yet. */
const LOOK_AGAIN_MS = 500

/** A start of a server's models: what it begins with. */
export interface Start {
  readonly altiplano: Altiplano
  readonly config: Config
  /** Plan for the machine's cores, memory and GPU, once they have been inspected. */
  readonly machine: Promise<MachinePlan>
  readonly log: Logger
  /** Signal that the server ends: once it aborts, nothing is started or reported any more. */
  readonly signal: AbortSignal
}

/** Starts the server's one model, of whatever kind it is. @param local where it has been found already. */
export async function startModel(start: Start, local: LocatedModel | undefined): Promise<void> {
  const { altiplano, config, log } = start
  const refuse = (reason: string): void => altiplano.model.refuse(reason)
  await reported(start, 'the model could not be opened', refuse, async () => {
    const file = await readWhenThere(start, local)
    const machine = await start.machine
    reportUnusedGpu(config, machine, log)
    if (makesEmbeddings(file.summary) || ranks(file.summary)) {
      checkAlone(config, file)
      altiplano.startEmbeddingModel(planEmbeddingModel(config, machine, file), true)
      return
    }
    const plan = planModel(config, machine, file, await readAdapters(config, file))
    reportPlan(plan, file.summary, machine, log)
    altiplano.model.start(plan)
  })
}

/** Starts the model of `--embedding-model`. */
export async function startEmbeddingModel(start: Start): Promise<void> {
  const { altiplano, config, signal } = start
  const refuse = (reason: string): void => altiplano.refuseEmbeddingModel(reason)
  await reported(start, 'the embedding model could not be opened', refuse, async () => {
    const located = await locate(config, undefined, signal, config.embeddingModel)
    const summary = await readWholeModel(located.shards)
    if (!makesEmbeddings(summary) && !ranks(summary)) {
      throw new ModelFileError(
        `${summary.file}: neither an embedding model nor a reranking one (${summary.architecture} without pooling).`,
      )
    }
    altiplano.startEmbeddingModel(planEmbeddingModel(config, await start.machine, { located, summary }))
  })
}

/** Starts a model, and reports why it cannot be started. In Kubernetes the server ends then, which is what makes it show the reason. */
async function reported(
  { altiplano, log, signal }: Start,
  unknown: string,
  refuse: (reason: string) => void,
  start: () => Promise<void>,
): Promise<void> {
  try {
    await start()
  } catch (error) {
    if (signal.aborted) return
    const known = error instanceof ModelFileError || error instanceof ConfigError
    const reason = known ? error.message : unknown
    log.error({ err: error }, reason)
    if (writeTerminationMessage(reason)) altiplano.giveUp(reason)
    refuse(reason)
  }
}

/** @throws ModelFileError when the only model generates nothing, and something is asked for that it cannot do. */
function checkAlone({ embeddingModel, loraModules }: Config, { summary: { file } }: ReadFile): void {
  if (embeddingModel !== undefined)
    throw new ModelFileError(`${file}: makes embeddings or ranks, and there is an --embedding-model already.`)
  if (loraModules !== undefined) throw new ModelFileError(`${file}: takes no LoRA adapters.`)
}

/** @throws ModelFileError for a file that is no adapter of this model. */
async function readAdapters({ loraModules }: Config, { located }: ReadFile): Promise<NamedAdapter[]> {
  const adapters: NamedAdapter[] = []
  for (const { name, path } of parseLoraModules(loraModules))
    adapters.push({ name, ...(await openLoraAdapter(path, located.shards)) })
  return adapters
}

/** KServe: a model from an OCI image appears after the start, and a copied file grows: whatever is wrong with it may mend itself. */
async function readWhenThere(start: Start, local: LocatedModel | undefined): Promise<ReadFile> {
  const { altiplano, config, signal } = start
  const deadline = performance.now() + config.waitForModel * 1000
  for (;;) {
    try {
      const located = local ?? (await locate(config, progressOf(altiplano), signal))
      return { located, summary: await readWholeModel(located.shards) }
    } catch (error) {
      if (!(error instanceof ModelFileError) || performance.now() > deadline || signal.aborted) throw error
      altiplano.model.loading(() => `waiting for the model: ${error.message}`)
    }
    await pause(LOOK_AGAIN_MS, undefined, { signal })
  }
}

/** A download is shown to the person at the terminal, and as the reason of not being ready. */
function progressOf({ model }: Altiplano): (progress: DownloadProgress) => void {
  const show = progressReporter(process.stderr)
  return (progress) => {
    show(progress)
    model.loading(() => progressText(progress))
  }
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
