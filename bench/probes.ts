/**
 * What probes and scrapers feel while every slot is busy and requests wait: `/metrics` and `/health` at 20 Hz, as llm-d's
 * picker scrapes, and `/health/ready` once a second, as kubelet probes. Then `/health/live` at 100 Hz while eight bodies at once
 * arrive of each kind that is as large or as costly as a server takes.
 * `npm run bench:probes -- [--seconds 60] [--streams 16] [--bodies 8] [--serve="FLAGS"]`
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { honestBodies, hostileBodies, type LargeBody } from '../test/support/large-bodies.ts'
import { metric } from '../test/support/metrics.ts'
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
    /** Of each kind, at once; 0: none. */
    bodies: { type: 'string', default: '8' },
    serve: { type: 'string', default: '--threads 1' },
    /** Only loads the server at this address: a process of its own, whose work the probes do not feel. */
    load: { type: 'string' },
    /** Sends bodies of this kind instead of streams. */
    body: { type: 'string' },
  },
})
const seconds = Number(values.seconds)
const RATES = { '/metrics': 20, '/health': 20, '/health/ready': 1 }
/** All that wait for one answer to be read are there when the others are: bytes of bodies that are held. */
const HELD_BYTES = 2 ** 30
const BODIES_RATE = 100
const bodies = [...hostileBodies, ...honestBodies]

if (values.load === undefined) {
  if (seconds > 0) await measure()
  if (Number(values.bodies) > 0) await measureBodies()
} else if (values.body === undefined) await saturate(values.load)
else await sendBodies(values.load, bodies[Number(values.body)])

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

/** Sends several of one kind at once when it is told to, and tells the statuses. */
async function sendBodies(url: string, body: LargeBody | undefined): Promise<void> {
  if (body === undefined) throw new Error('there is no such body')
  const bytes = Buffer.from(body.body())
  const begin = new Promise((resolve) => process.once('message', resolve))
  process.send?.(bytes.length)
  await begin
  const headers = { 'content-type': 'application/json' }
  const send = async (): Promise<number> => {
    const answer = await fetch(url + body.path, { method: 'POST', headers, body: bytes })
    await answer.arrayBuffer()
    return answer.status
  }
  const statuses = await Promise.all(Array.from({ length: Number(values.bodies) }, send))
  process.send?.([...new Set(statuses)])
  process.disconnect()
}

async function measureBodies(): Promise<void> {
  const flags = ['--max-queued-bytes', String(HELD_BYTES), ...values.serve.split(' ')]
  const server = await startServer(flags)
  const rows: string[][] = []
  const all: Probe[] = []
  for (const [index, { name }] of bodies.entries()) {
    const load = fork(
      new URL(import.meta.url),
      ['--load', server.url, '--body', String(index), '--bodies', values.bodies],
      { execArgv: ['--import', 'tsx'] },
    )
    const [bytes] = (await once(load, 'message')) as [number]
    const waitedBefore = waitedMs(server)
    let answered: number[] | undefined
    load.once('message', (statuses: number[]) => {
      answered = statuses
    })
    const began = performance.now()
    load.send('begin')
    const probes = await openLoop(
      BODIES_RATE,
      () => answered === undefined,
      () => askOnce(`${server.url}/health/live`),
    )
    const tookMs = performance.now() - began
    all.push(...probes)
    const waited = (100 * (waitedMs(server) - waitedBefore)) / tookMs
    const figures = rowOf(name, probes)
    rows.push([
      ...figures,
      (bytes / 1e6).toFixed(1),
      `${answered?.join(', ')}`,
      tookMs.toFixed(0),
      waited.toFixed(0),
    ])
  }
  rows.push([...rowOf('all of them', all), '', '', '', ''])
  const head = [
    '',
    'asked',
    'not 200',
    'p50 ms',
    'p99 ms',
    'max ms',
    'MB',
    'answers',
    'took ms',
    'waited for a core %',
  ]
  console.log(textTable([head, ...rows]))
  console.log(`exit ${await server.stop()}`)
}

/** Milliseconds that the gateway's first thread could have run and was not let. */
function waitedMs({ process: { pid } }: TestServer): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6
}

/** When requests wait for a slot. */
async function untilBusy(url: string): Promise<void> {
  while ((await metric(url, 'vllm:num_requests_waiting')) === 0);
}

interface Probe {
  readonly status: number
  readonly ms: number
}

function probe(url: string, rate: number): Promise<Probe[]> {
  return openLoop(
    rate,
    (passed) => passed < seconds,
    () => askOnce(url),
  )
}

async function askOnce(url: string): Promise<Probe> {
  const askedAt = performance.now()
  const answer = await fetch(url)
  await answer.text()
  return { status: answer.status, ms: performance.now() - askedAt }
}

function rowOf(path: string, probes: readonly Probe[]): string[] {
  const times = probes.map(({ ms }) => ms)
  const figures = [percentile(times, 0.5), percentile(times, 0.99), Math.max(...times)]
  const failed = probes.filter(({ status }) => status !== 200).length
  return [path, `${probes.length}`, `${failed}`, ...figures.map((ms) => ms.toFixed(1))]
}
