import { drive } from './client/drive.ts'
import type { BenchOptions } from './options.ts'
import type { Run } from './report/results.ts'
import { type BenchServer, tokensPerWord } from './servers/server.ts'
import { seedOf } from './workload/random.ts'
import { planWorkloads } from './workload/scenarios.ts'
import type { Workload } from './workload/workload.ts'

type Log = (line: string) => void

/**
 * Every workload A B A B: servers take turns within each round and only one is loaded at a time. All servers get the same
 * prompts in a round, and no prompt comes back in another, where a cache would know it.
 */
export async function measure(
  options: BenchOptions,
  servers: readonly BenchServer[],
  log: Log,
): Promise<Run[]> {
  const scale = await calibrate(servers)
  const planned = Array.from({ length: options.rounds }, (_, round) =>
    planWorkloads(options.scenarios, { ...options, seed: seedOf(options.seed, round) }),
  )
  const runs: Run[] = []
  for (const index of planned[0]?.keys() ?? []) {
    for (const [round, workloads] of planned.entries()) {
      const workload = workloads[index]
      if (workload === undefined) continue
      for (const server of servers) runs.push(await runOnce(workload, round, server, scale, log))
    }
  }
  return runs
}

/** All are warmed up; the first one's vocabulary sets the prompts, so that every server gets the same text. */
async function calibrate(servers: readonly BenchServer[]): Promise<number> {
  const scales: number[] = []
  for (const { target } of servers) scales.push(await tokensPerWord(target))
  return scales[0] ?? 1
}

async function runOnce(
  workload: Workload,
  round: number,
  { name, target }: BenchServer,
  tokensPerWord: number,
  log: Log,
): Promise<Run> {
  const startedAt = new Date().toISOString()
  const began = performance.now()
  const measurements = await drive(workload, { target, tokensPerWord })
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  log(`${workload.name}, round ${round + 1}, ${name}: ${measurements.length} requests in ${seconds} s`)
  return { workload: workload.name, server: name, round, startedAt, measurements }
}
