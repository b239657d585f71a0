import type { Logger } from 'pino'
import { listenOn, unixPath } from '../base/listen.ts'
import { operatorTemplate } from '../config/chat-template.ts'
import { admissionSettings, httpSettings, requestSettings } from '../config/groups.ts'
import { type Config, servedNames } from '../config/schema.ts'
import { machinePlan } from '../machine/machine-plan.ts'
import { Metrics } from '../metrics/metrics.ts'
import { modelDisplayName } from '../models/locate.ts'
import type { KvEvents } from '../observability/kv-events/kv-events.ts'
import type { Tracing } from '../observability/tracing/tracing.ts'
import { checkAdminExposure, openAdminPort } from '../server/admin-port.ts'
import { Altiplano } from '../server/altiplano.ts'
import { checkAdapterNames, embeddingNamesOf } from '../server/configured-names.ts'
import { checkExposure, isOpenHere, openKeyFile, openOrigins, openTls } from '../server/exposure.ts'
import { locate, startEmbeddingModel, startModel } from '../server/start-models.ts'
import { writeTerminationMessage } from '../server/termination-message.ts'

/**
 * Listens at once, loads the model, and serves until a signal. Resolves to the exit code: 0, or 1 when its
 * processes crash so often that the operator has to act.
 * A refused model leaves the gateway alive and not ready, with the reason; in Kubernetes it ends the container, so that Kubernetes
 * shows the reason.
 */
export async function serve(config: Config, log: Logger): Promise<number> {
  checkExposure(config)
  checkAdminExposure(config)
  const keyFile = openKeyFile(config, log)
  const tls = openTls(config)
  const chatTemplate = operatorTemplate(config)
  // A local model that is not there is reported before anything starts.
  const later = config.model?.startsWith('hf:') || config.waitForModel > 0
  const local = later ? undefined : await locate(config)
  const names = servedNames(config.servedModelName, local?.displayName ?? modelDisplayName(config.model))
  const embeddingNames = embeddingNamesOf(config, names)
  checkAdapterNames(config, [...names, ...(embeddingNames ?? [])])
  const model = names[0] ?? 'model'
  const metrics = new Metrics(model)
  metrics.watchProcess()
  const tracing = await openTraces(config, model, log, metrics)
  const kvEvents = await openKvEvents(config, model, log, metrics)
  const altiplano = new Altiplano({
    names,
    embeddingNames,
    http: httpSettings(config),
    admission: admissionSettings(config),
    requests: requestSettings(config),
    apiKeys: () => keyFile?.value,
    // No web page reaches a Unix socket.
    ownHostsOnly: isOpenHere(config) && unixPath(config.host) === undefined,
    allowedOrigins: openOrigins(config),
    tls,
    chatTemplate,
    loraDir: config.loraDir,
    log,
    metrics,
    tracing,
    kvEvents,
  })
  const { stopped, stop } = untilSignal(log)
  const starting = new AbortController()
  // The children load their engine while the gateway opens its port.
  const start = { altiplano, config, machine: machinePlan(config), log, signal: starting.signal }
  void startModel(start, local)
  if (config.embeddingModel !== undefined) void startEmbeddingModel(start)
  const giveUp = async (error: unknown): Promise<never> => {
    starting.abort()
    await altiplano.drain(0)
    throw error
  }
  const address = await listenOn(altiplano, { ...config, portFlag: '--port' }).catch(giveUp)
  const admin = await openAdminPort(config, keyFile, log, () => stop('the admin port')).catch(giveUp)
  log.info({ address, model: config.model ?? 'built-in' }, 'listening')
  greet(address, altiplano.names[0] ?? '')
  const failure = await Promise.race([stopped, altiplano.hopeless])
  starting.abort()
  if (failure !== undefined) {
    log.fatal({ reason: failure }, 'giving up')
    writeTerminationMessage(failure)
  }
  if (failure === undefined) await altiplano.drain(config.drainTimeout * 1000, config.shutdownDelay * 1000)
  else await altiplano.drain(0)
  await admin?.close()
  await tracing?.close()
  await kvEvents?.close()
  keyFile?.close()
  tls?.close()
  log.info('stopped')
  return failure === undefined ? 0 : 1
}

/** A word to a person; machines read the log. */
function greet(address: string, model: string): void {
  if (!process.stdout.isTTY) return
  const at = unixPath(address) === undefined ? `${address}/v1` : address
  process.stderr.write(`\n  Altiplano serves ${model} at ${at}\n  Stop with Ctrl-C.\n\n`)
}

interface Stop {
  readonly stopped: Promise<undefined>
  /** Begins the drain; later calls change nothing. */
  stop(why: string): void
}

/**
 * Milliseconds within which signals count as one: npm, or a shell, that gets one with its whole process group passes it on, and a
 * person may press Ctrl-C twice.
 */
const ONE_SIGNAL_MS = 1000

/** Begins the drain on the first signal, and ends the process at once on a later one. */
function untilSignal(log: Logger): Stop {
  let stop: Stop['stop'] = () => undefined
  const stopped = new Promise<undefined>((resolve) => {
    stop = (why) => {
      log.info({ why }, 'draining')
      resolve(undefined)
    }
  })
  let signalledAt: number | undefined
  const onSignal = (signal: NodeJS.Signals): void => {
    if (signalledAt === undefined) {
      signalledAt = performance.now()
      stop(signal)
    } else if (performance.now() - signalledAt > ONE_SIGNAL_MS) process.exit(1)
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  // Node would open its inspector on SIGUSR1.
  process.on('SIGUSR1', () => log.warn('SIGUSR1 ignored'))
  return { stopped, stop }
}

/** Loaded only where it is asked for. */
async function openTraces(
  config: Config,
  model: string,
  log: Logger,
  metrics: Metrics,
): Promise<Tracing | undefined> {
  if (config.otlpEndpoint === undefined) return undefined
  const { openTracing } = await import('../observability/tracing/tracing.ts')
  return openTracing(config.otlpEndpoint, model, log, metrics, process.env)
}

/** Loaded only where it is asked for. @throws ConfigError when it cannot listen. */
async function openKvEvents(
  config: Config,
  model: string,
  log: Logger,
  metrics: Metrics,
): Promise<KvEvents | undefined> {
  if (config.kvEventsEndpoint === undefined) return undefined
  const { openKvEvents: open } = await import('../observability/kv-events/open-kv-events.ts')
  return open(config.kvEventsEndpoint, config, model, log, metrics, process.env)
}
