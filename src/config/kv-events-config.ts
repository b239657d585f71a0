import { ConfigError } from '../base/config-error.ts'
import type { SettingName } from './schema.ts'

/** Fields of vLLM's KVEventsConfig that we have settings for. */
const FIELDS: readonly (readonly [field: string, name: SettingName, fallback?: string])[] = [
  ['endpoint', 'kvEventsEndpoint', 'tcp://*:5557'],
  ['replay_endpoint', 'kvEventsReplayEndpoint'],
  ['topic', 'kvEventsTopic'],
]

/**
 * Reads vLLM's `--kv-events-config`, a JSON object, as settings of ours; empty where it asks for no events. Its sizes of queues
 * and buffers have no counterpart.
 * @throws ConfigError where it is not such an object.
 */
export function readKvEventsConfig(given: string, text: string): ReadonlyMap<SettingName, string> {
  const config = objectOf(text)
  if (config === undefined)
    throw new ConfigError(`Cannot read ${given}: it must be a JSON object, as in vLLM.`)
  const values = new Map<SettingName, string>()
  const publisher = config['publisher'] ?? 'zmq'
  if (config['enable_kv_cache_events'] !== true || publisher === 'null') return values
  if (publisher !== 'zmq') throw new ConfigError(`Cannot use ${given}: zmq is the only supported publisher.`)
  for (const [field, name, fallback] of FIELDS) {
    const value = config[field] ?? fallback ?? ''
    if (typeof value !== 'string') throw new ConfigError(`Cannot use ${given}: ${field} must be a string.`)
    if (value !== '') values.set(name, value)
  }
  return values
}

function objectOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
