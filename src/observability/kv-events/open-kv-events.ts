import { networkInterfaces } from 'node:os'
import type { Config } from '../../config/schema.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import { KvEvents } from './kv-events.ts'
import type { SocketLog } from './zmtp/socket.ts'

/** @throws ConfigError when it cannot listen. */
export async function openKvEvents(
  endpoint: string,
  config: Config,
  model: string,
  log: SocketLog,
  metrics: Metrics,
  env: NodeJS.ProcessEnv,
): Promise<KvEvents> {
  if (!config.prefixCache)
    log.warn({}, 'no KV events: without a prefix cache no slot holds what could be used')
  if (config.apiKeys !== undefined)
    log.warn({}, 'no KV events: with keys each tenant has a prefix cache of its own')
  const topic = config.kvEventsTopic ?? `kv@${podAddress(env)}:${config.port}@${model}`
  return KvEvents.open({
    endpoint,
    replayEndpoint: config.kvEventsReplayEndpoint,
    topic,
    model,
    blockSize: config.kvEventsBlockSize,
    log,
    metrics,
  })
}

/** Address by which routers know this server: POD_IP, or the first address that others can reach. */
function podAddress(env: NodeJS.ProcessEnv): string {
  if (env['POD_IP']) return env['POD_IP']
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const outer = addresses.filter(({ internal }) => !internal)
  return (outer.find(({ family }) => family === 'IPv4') ?? outer[0])?.address ?? '127.0.0.1'
}
