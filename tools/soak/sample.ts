import { readdirSync, readFileSync } from 'node:fs'
import { scrape } from '../../test/support/metrics.ts'
import { children as childrenOf } from '../../test/support/processes.ts'

export const processNames = ['gateway', 'text', 'engine'] as const
export type ProcessName = (typeof processNames)[number]

/** The server at one moment. */
export interface Sample {
  readonly seconds: number
  /** MB by process; absent while it is being replaced. */
  readonly rss: Partial<Record<ProcessName, number>>
  /** Of it what is no file's: the program itself is read as it is needed, and put away when memory is. */
  readonly anonymous: Partial<Record<ProcessName, number>>
  readonly descriptors: Partial<Record<ProcessName, number>>
  /** Of the gateway: what keeps its event loop alive, timers included. */
  readonly resources: number
  readonly running: number
  readonly waiting: number
  /** Generations let in, and those that are over by how they ended. */
  readonly admitted: number
  readonly over: Readonly<Record<string, number>>
  readonly restarts: number
  readonly preemptions: number
}

export async function sampleOf(url: string, gateway: number, seconds: number): Promise<Sample> {
  const metrics = await scrape(url)
  const pids: Record<string, number> = { gateway, ...Object.fromEntries(childrenOf(gateway)) }
  const rss: Partial<Record<ProcessName, number>> = {}
  const anonymous: Partial<Record<ProcessName, number>> = {}
  const descriptors: Partial<Record<ProcessName, number>> = {}
  for (const name of processNames) {
    const held = heldBy(pids[name])
    if (held === undefined) continue
    rss[name] = held.rss
    anonymous[name] = held.anonymous
    descriptors[name] = held.descriptors
  }
  return {
    seconds,
    rss,
    anonymous,
    descriptors,
    resources: metrics.value('nodejs_active_resources_total'),
    running: metrics.value('vllm:num_requests_running'),
    waiting: metrics.value('vllm:num_requests_waiting'),
    admitted: metrics.value('altiplano_admitted_total'),
    over: metrics.by('altiplano_request_success_total', 'finished_reason'),
    preemptions: metrics.value('altiplano_preemptions_total'),
    restarts: metrics.value('altiplano_child_restarts_total'),
  }
}

/** MB, and open files; undefined when the process is gone. */
function heldBy(
  pid: number | undefined,
): { rss: number; anonymous: number; descriptors: number } | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const read = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? Number.NaN) / 1024
    const [rss, anonymous] = [read('VmRSS'), read('RssAnon')]
    return Number.isNaN(rss)
      ? undefined
      : { rss, anonymous, descriptors: readdirSync(`/proc/${pid}/fd`).length }
  } catch {
    return undefined
  }
}
