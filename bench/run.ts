import { type BenchOptions, parseOptions } from './options.ts'
import { type GroupResult, type Results, type Run, resultsOf, type ServerStats } from './report/results.ts'
import { reportText } from './report/tables.ts'
import { writeReport, writeRuns } from './report/write.ts'
import { measure } from './rounds.ts'
import type { BenchServer } from './servers/server.ts'
import { startServers, stopServers } from './servers/start.ts'
import { planWorkloads } from './workload/scenarios.ts'

const options = parseOptions(process.argv.slice(2))
const workloads = planWorkloads(options.scenarios, options)
const servers = await startServers(options)
try {
  await bench(options, servers)
} finally {
  await stopServers(servers)
}

async function bench(options: BenchOptions, servers: readonly BenchServer[]): Promise<void> {
  const runs: Run[] = []
  for await (const run of measure(options, servers)) {
    runs.push(run)
    process.stderr.write(`${lineOf(run)}\n`)
    // A run takes long: what is measured is kept, whatever comes after.
    if (options.out !== undefined) writeRuns(options.out, options, statsOf(servers), runs)
  }
  const results: Results = { groups: groupsOf(runs, servers), runs, servers: statsOf(servers) }
  console.log(reportText(results))
  if (options.out !== undefined) writeReport(options.out, options, results)
}

function lineOf({ workload, round, server, measurements }: Run): string {
  const seconds = Math.max(...measurements.map(({ endAt }) => endAt)) / 1000
  return `${workload}, round ${round + 1}, ${server}: ${measurements.length} requests in ${seconds.toFixed(1)} s`
}

function groupsOf(runs: readonly Run[], servers: readonly BenchServer[]): GroupResult[] {
  const names = servers.map(({ name }) => name)
  return workloads.flatMap((workload) => resultsOf(workload, runs, names, options.objective))
}

function statsOf(servers: readonly BenchServer[]): ServerStats[] {
  return servers.map(({ name, target, stats }) => ({ name, target, stats: stats() }))
}
