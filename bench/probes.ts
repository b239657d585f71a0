/**
 * What probes and scrapers feel while every slot is busy and requests wait: `/metrics` and `/health` at 20 Hz, as llm-d's
 * picker scrapes, and `/health/ready` once a second, as kubelet probes.
 * `npm run bench:probes -- [--seconds 60] [--streams 16] [--serve="FLAGS"]`
 */
import { fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { startServer, type TestServer } from '../test/support/server.ts'
import { closedLoop, openLoop } from './client/pace.ts'
import { ask } from './overload/ask.ts'
import { percentile } from './report/statistics.ts'
import { textTable } from './report/text-table.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    /** Requests at once: four run. */
    streams: { type: 'string', default: '16' },
    serve: { type: 'string', default: '--threads 1' },
    /** Only loads the server at this address: a process of its own, whose work the probes do not feel. */
    load: { type: 'string' },
  },
})
const seconds = Number(values.seconds)
const RATES = { '/metrics': 20, '/health': 20, '/health/ready': 1 }

if (values.load === undefined) await measure()
else await saturate(values.load)

async function saturate(url: string): Promise<void> {
  await closedLoop(Number(values.streams), seconds + 3, () => ask(url))
}

async function measure(): Promise<void> {
  const server = await startServer(['--slots', '4', ...values.serve.split(' ')])
  const flags = ['--load', server.url, '--seconds', values.seconds, '--streams', values.streams]
  const load = fork(new URL(import.meta.url), flags, { execArgv: ['--import', 'tsx'] })
  const loaded = new Promise((resolve) => load.once('exit', resolve))
  await untilBusy(server.url)
  const waitedBefore = waitedMs(server)
  const rows = await Promise.all(
    Object.entries(RATES).map(async ([path, rate]) => rowOf(path, await probe(server.url + path, rate))),
  )
  console.log(textTable([['', 'asked', 'not 200', 'p50 ms', 'p99 ms', 'max ms'], ...rows]))
  const waited = (waitedMs(server) - waitedBefore) / (10 * seconds)
  console.log(`the gateway waited for a core ${waited.toFixed(1)} % of the time: that is the machine's doing`)
  await loaded
  console.log(`exit ${await server.stop()}`)
}

/** Milliseconds that the gateway's first thread could have run and was not let. */
function waitedMs({ process: { pid } }: TestServer): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6
}

/** When requests wait for a slot. */
async function untilBusy(url: string): Promise<void> {
  for (let waiting = 0; waiting === 0; ) {
    const text = await (await fetch(`${url}/metrics`)).text()
    waiting = Number(/^vllm:num_requests_waiting\{[^}]*\} (\d+)$/m.exec(text)?.[1])
  }
}

interface Probe {
  readonly status: number
  readonly ms: number
}

function probe(url: string, rate: number): Promise<Probe[]> {
  return openLoop(
    rate,
    (passed) => passed < seconds,
    async () => {
      const askedAt = performance.now()
      const answer = await fetch(url)
      await answer.text()
      return { status: answer.status, ms: performance.now() - askedAt }
    },
  )
}

function rowOf(path: string, probes: readonly Probe[]): string[] {
  const times = probes.map(({ ms }) => ms)
  const figures = [percentile(times, 0.5), percentile(times, 0.99), Math.max(...times)]
  const failed = probes.filter(({ status }) => status !== 200).length
  return [path, `${probes.length}`, `${failed}`, ...figures.map((ms) => ms.toFixed(1))]
}
