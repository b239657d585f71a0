import { parseArgs } from 'node:util'
import { positive } from './flags.ts'
import { type Results, type Run, resultsOf } from './report/results.ts'
import { reportText } from './report/tables.ts'
import { writeReport } from './report/write.ts'
import type { StepCost } from './virtual/cost.ts'
import { driveVirtual } from './virtual/drive.ts'
import { VirtualServer } from './virtual/server.ts'
import { seedOf } from './workload/random.ts'
import { planWorkloads, scenarios } from './workload/scenarios.ts'

const { values } = parseArgs({
  options: {
    scenarios: { type: 'string', default: Object.keys(scenarios).join(',') },
    streams: { type: 'string', default: '1,4,8,16' },
    rate: { type: 'string', default: '1' },
    scale: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    slots: { type: 'string', default: '8' },
    'context-size': { type: 'string', default: '4096' },
    'batch-size': { type: 'string', default: '512' },
    'max-queue': { type: 'string', default: '64' },
    'fixed-ms': { type: 'string', default: '15' },
    'decode-ms': { type: 'string', default: '4' },
    'prefill-ms': { type: 'string', default: '2' },
    'slo-ttft-ms': { type: 'string', default: '2000' },
    'slo-itl-ms': { type: 'string', default: '200' },
    out: { type: 'string' },
  },
})

const number = (flag: Exclude<keyof typeof values, 'out'>): number => positive(flag, values[flag])
const names = values.scenarios.split(',')
const settings = {
  seed: number('seed'),
  streams: values.streams.split(',').map((text) => positive('streams', text)),
  rate: number('rate'),
  scale: number('scale'),
}
const limits = {
  slots: number('slots'),
  contextSize: number('context-size'),
  batchTokens: number('batch-size'),
}
const cost: StepCost = {
  fixedMs: number('fixed-ms'),
  decodeMs: number('decode-ms'),
  prefillMs: number('prefill-ms'),
}

const maxQueue = number('max-queue')
const servers = [
  { name: 'prefix cache', server: new VirtualServer({ limits, maxQueue, prefixCache: true }) },
  { name: 'none', server: new VirtualServer({ limits, maxQueue, prefixCache: false }) },
]

/** Each server keeps its cache from round to round, as a real one does. */
async function measure(): Promise<Run[]> {
  const runs: Run[] = []
  for (let round = 0; round < number('rounds'); round++) {
    const workloads = planWorkloads(names, { ...settings, seed: seedOf(settings.seed, round) })
    for (const workload of workloads) {
      for (const { name, server } of servers) {
        const measurements = await driveVirtual(workload, server, cost)
        runs.push({
          workload: workload.name,
          server: name,
          round,
          startedAt: new Date().toISOString(),
          measurements,
        })
      }
    }
  }
  return runs
}

const began = performance.now()
const runs = await measure()
const seconds = (performance.now() - began) / 1000
const objective = { ttftMs: number('slo-ttft-ms'), itlMs: number('slo-itl-ms') }
const groups = planWorkloads(names, settings).flatMap((workload) =>
  resultsOf(
    workload,
    runs,
    servers.map(({ name }) => name),
    objective,
  ),
)
const results: Results = { groups, runs, servers: [] }
console.log(reportText(results))
const requests = runs.reduce((sum, { measurements }) => sum + measurements.length, 0)
console.log(`\n${requests} requests in ${seconds.toFixed(1)} s; all times above are virtual`)
if (values.out !== undefined) writeReport(values.out, values, results)
