import { setTimeout as pause } from 'node:timers/promises'
import { scrape } from '../../test/support/metrics.ts'
import { children as childrenOf } from '../../test/support/processes.ts'
import type { TestServer } from '../../test/support/server.ts'

export interface ServerState {
  /** Process ids by the last word of their titles: text, engine. */
  readonly children: ReadonlyMap<string, number>
  readonly running: number
  readonly waiting: number
  /** Generations that were let in, and that are over. */
  readonly admitted: number
  readonly over: number
}

/** Of a real server, as soon as it is idle, or after some seconds. */
export async function stateOf({ url, process }: TestServer): Promise<ServerState> {
  const deadline = performance.now() + 10_000
  for (;;) {
    const metrics = await scrape(url)
    const state = {
      children: childrenOf(process.pid ?? 0),
      running: metrics.value('vllm:num_requests_running'),
      waiting: metrics.value('vllm:num_requests_waiting'),
      admitted: metrics.value('altiplano_admitted_total'),
      over: metrics.value('altiplano_request_success_total'),
    }
    if (state.running + state.waiting === 0 || performance.now() > deadline) return state
    await pause(50)
  }
}
