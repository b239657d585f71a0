import { parseArgs } from 'node:util'
import { positive } from './flags.ts'
import type { ServiceObjective } from './report/statistics.ts'
import { type ScenarioSettings, scenarios } from './workload/scenarios.ts'

/** A server by its OpenAI base URL. */
export interface NamedUrl {
  readonly name: string
  readonly baseUrl: string
}

export interface BenchOptions extends ScenarioSettings {
  readonly scenarios: readonly string[]
  readonly rounds: number
  readonly base: NamedUrl | undefined
  readonly against: readonly NamedUrl[]
  /** Flags of the built server. */
  readonly serve: readonly string[]
  readonly objective: ServiceObjective
  readonly timeoutMs: number
  /** Directory of the report and the plots. */
  readonly out: string | undefined
}

const flags = {
  scenarios: { type: 'string', default: Object.keys(scenarios).join(',') },
  streams: { type: 'string', default: '1,4,8' },
  rate: { type: 'string', default: '1' },
  scale: { type: 'string', default: '1' },
  rounds: { type: 'string', default: '2' },
  seed: { type: 'string', default: '1' },
  base: { type: 'string' },
  against: { type: 'string', multiple: true, default: [] as string[] },
  model: { type: 'string' },
  slots: { type: 'string', default: '8' },
  threads: { type: 'string', default: '1' },
  serve: { type: 'string', default: '--gpu-layers 0' },
  'slo-ttft-ms': { type: 'string', default: '2000' },
  'slo-itl-ms': { type: 'string', default: '200' },
  'timeout-s': { type: 'string', default: '600' },
  out: { type: 'string' },
} as const

/** @throws Error for a flag that is not known or a value that is not a number where one is asked for. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({ args: [...args], options: flags })
  return {
    scenarios: values.scenarios.split(','),
    streams: values.streams.split(',').map((text) => positive('streams', text)),
    rate: positive('rate', values.rate),
    scale: positive('scale', values.scale),
    rounds: positive('rounds', values.rounds),
    seed: positive('seed', values.seed),
    base: values.base === undefined ? undefined : namedUrl(values.base),
    against: values.against.map(namedUrl),
    serve: serveFlags(values),
    objective: {
      ttftMs: positive('slo-ttft-ms', values['slo-ttft-ms']),
      itlMs: positive('slo-itl-ms', values['slo-itl-ms']),
    },
    timeoutMs: 1000 * positive('timeout-s', values['timeout-s']),
    out: values.out,
  }
}

/** NAME=URL; the URL ends with /v1, which is added where it is missing. */
export function namedUrl(text: string): NamedUrl {
  const [, name, url] = /^([^=]+)=(https?:\/\/.+?)\/*$/.exec(text) ?? []
  if (name === undefined || url === undefined) throw new Error(`"${text}" is not NAME=URL`)
  return { name, baseUrl: /\/v\d+$/.test(url) ? url : `${url}/v1` }
}

interface ServeValues {
  readonly model?: string | undefined
  readonly slots: string
  readonly threads: string
  readonly serve: string
}

function serveFlags({ model, slots, threads, serve }: ServeValues): string[] {
  const more = serve.split(' ').filter((flag) => flag !== '')
  const chosen = model === undefined ? [] : ['--model', model]
  return ['--slots', slots, '--threads', threads, ...chosen, ...more]
}
