import { type Results, type Run, resultsOf } from './report/results.ts'
import { reportText } from './report/tables.ts'
import { writeReport } from './report/write.ts'
import { driveVirtual } from './virtual/drive.ts'
import { parseSchedulerOptions } from './virtual/options.ts'
import { VirtualServer } from './virtual/server.ts'
import { seedOf } from './workload/random.ts'
import { planWorkloads } from './workload/scenarios.ts'
import type { Workload } from './workload/workload.ts'

const options = parseSchedulerOptions(process.argv.slice(2))
const { limits, maxQueue, cost, objective } = options
/** Each keeps its cache from round to round, as a real server does. */
const servers: ReadonlyMap<string, VirtualServer> = new Map([
  ['altiplano', new VirtualServer({ limits, maxQueue, prefixCache: true, itlTargetMs: options.itlTargetMs })],
  ['whole batches', new VirtualServer({ limits, maxQueue, prefixCache: true })],
  [
    'no prefix cache',
    new VirtualServer({ limits, maxQueue, prefixCache: false, itlTargetMs: options.itlTargetMs }),
  ],
])

const began = performance.now()
const runs = await measure()
const seconds = (performance.now() - began) / 1000
const groups = planWorkloads(options.scenarios, options).flatMap((workload) =>
  resultsOf(workload, runs, [...servers.keys()], objective),
)
const results: Results = { groups, runs, servers: [] }
const requests = runs.reduce((sum, { measurements }) => sum + measurements.length, 0)
console.log(reportText(results))
console.log(`\n${requests} requests in ${seconds.toFixed(1)} s; all times above are virtual`)
if (options.out !== undefined) writeReport(options.out, options, results)

async function measure(): Promise<Run[]> {
  const runs: Run[] = []
  for (let round = 0; round < options.rounds; round++) {
    const workloads = planWorkloads(options.scenarios, { ...options, seed: seedOf(options.seed, round) })
    for (const workload of workloads) runs.push(...(await onEach(workload, round)))
  }
  return runs
}

async function onEach(workload: Workload, round: number): Promise<Run[]> {
  const runs: Run[] = []
  for (const [name, server] of servers) {
    const startedAt = new Date().toISOString()
    const measurements = await driveVirtual(workload, server, cost)
    runs.push({ workload: workload.name, server: name, round, startedAt, measurements })
  }
  return runs
}
