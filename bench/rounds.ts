import { setTimeout as pause } from 'node:timers/promises'
import { drive } from './client/drive.ts'
import type { BenchOptions } from './options.ts'
import type { Run } from './report/results.ts'
import { type BenchServer, tokensPerWord } from './servers/server.ts'
import { seedOf } from './workload/random.ts'
import { planWorkloads } from './workload/scenarios.ts'
import type { Workload } from './workload/workload.ts'

/** llama.cpp's threads spin on after their last pass, and would slow the next server's first ones. */
const SETTLE_MS = 500

/**
 * Every workload A B A B: servers take turns within each round and only one is loaded at a time. All servers get the same
 * prompts in a round, and no prompt comes back in another, where a cache would know it.
 */
export async function* measure(options: BenchOptions, servers: readonly BenchServer[]): AsyncGenerator<Run> {
  const scale = await calibrate(servers)
  const planned = Array.from({ length: options.rounds }, (_, round) =>
    planWorkloads(options.scenarios, { ...options, seed: seedOf(options.seed, round) }),
  )
  for (const index of planned[0]?.keys() ?? []) {
    for (const [round, workloads] of planned.entries()) {
      const workload = workloads[index]
      if (workload === undefined) continue
      for (const server of servers) {
        await pause(SETTLE_MS)
        yield runOnce(workload, round, server, scale)
      }
    }
  }
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
): Promise<Run> {
  const startedAt = new Date().toISOString()
  const measurements = await drive(workload, { target, tokensPerWord })
  return { workload: workload.name, server: name, round, startedAt, measurements }
}
