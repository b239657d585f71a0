import { type BenchOptions, parseOptions } from './options.ts'
import { type Results, resultsOf } from './report/results.ts'
import { reportText } from './report/tables.ts'
import { writeReport } from './report/write.ts'
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
  const runs = await measure(options, servers, (line) => process.stderr.write(`${line}\n`))
  const names = servers.map(({ name }) => name)
  const groups = workloads.flatMap((workload) => resultsOf(workload, runs, names, options.objective))
  const stats = servers.map(({ name, target, stats }) => ({ name, target, stats: stats() }))
  const results: Results = { groups, runs, servers: stats }
  console.log(reportText(results))
  if (options.out !== undefined) writeReport(options.out, options, results)
}
