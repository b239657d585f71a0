import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { run, type Trace } from './client.ts'
import { startBuiltServer } from './server-process.ts'
import { type Summary, summarize } from './statistics.ts'

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    threads: { type: 'string', default: '1' },
    streams: { type: 'string', default: '1,4,8' },
    requests: { type: 'string', default: '4' },
    prompt: { type: 'string', default: '128' },
    output: { type: 'string', default: '128' },
    out: { type: 'string' },
  },
})

/** Closed loop: each stream sends its next request when the last has ended. */
async function closedLoop(url: string, model: string, streams: number): Promise<Trace[]> {
  const traces: Trace[] = []
  await Promise.all(
    Array.from({ length: streams }, async (_, stream) => {
      for (let round = 0; round < Number(values.requests); round++) {
        const words = Array.from({ length: Number(values.prompt) / 2 }, (_, i) => `${stream}${round}${i}`)
        traces.push(await run(url, model, { prompt: words.join(' '), maxTokens: Number(values.output) }))
        process.stderr.write('.')
      }
    }),
  )
  return traces
}

const flags = ['--slots', '8', '--threads', values.threads, '--gpu-layers', '0']
const server = await startBuiltServer(
  values.model === undefined ? flags : [...flags, '--model', values.model],
)
const { data } = (await (await fetch(`${server.url}/v1/models`)).json()) as { data: { id: string }[] }
const model = data[0]?.id ?? ''
const base = `${server.url}/v1`
await run(base, model, { prompt: 'warm up', maxTokens: 8 })
const idleMemory = server.memory()
interface Row extends Summary {
  readonly streams: number
  readonly gatewayCpuUsPerToken: number
  readonly traces: readonly Trace[]
}
const rows: Row[] = []
for (const streams of values.streams.split(',').map(Number)) {
  const cpuBefore = server.gatewayCpuUs()
  const traces = await closedLoop(base, model, streams)
  const tokens = traces.reduce((sum, trace) => sum + trace.completionTokens, 0)
  rows.push({
    streams,
    gatewayCpuUsPerToken: (server.gatewayCpuUs() - cpuBefore) / tokens,
    ...summarize(traces),
    traces,
  })
}
process.stderr.write('\n')
const report = {
  model,
  settings: values,
  listeningMs: server.listeningMs,
  readyMs: server.readyMs,
  memoryBytes: { idle: idleMemory, after: server.memory() },
  rows,
}
await server.stop()
print()
if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify(report)}\n`)

function print(): void {
  const fixed = (value: number): string => value.toFixed(1)
  const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`
  console.log(`${model}: listening ${fixed(report.listeningMs)} ms, ready ${fixed(report.readyMs)} ms`)
  console.log(
    `resident: ${Object.entries(report.memoryBytes.after)
      .map(([name, bytes]) => `${name} ${mib(bytes)}`)
      .join(', ')}`,
  )
  console.table(
    rows.map((row) => ({
      streams: row.streams,
      'output tok/s': fixed(row.outputTokensPerSecond),
      'TTFT p50': fixed(row.ttftMs.p50),
      'TTFT p99': fixed(row.ttftMs.p99),
      'ITL p50': fixed(row.itlMs.p50),
      'ITL p99': fixed(row.itlMs.p99),
      'gateway µs/token': fixed(row.gatewayCpuUsPerToken),
      errors: row.errors,
    })),
  )
}
