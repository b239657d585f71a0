/**
 * More requests than a server can take, all at once and then at a pace: what is lost, what hangs, how fast it says no, and
 * whether its Retry-After is true; and how much good work is done at multiples of what it can do.
 * `npm run bench:overload -- [--requests 10000] [--seconds 10] [--factors 1,2,5,10] [--slo-ttft-ms 5000] [--serve="FLAGS"]`
 */
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { metric } from '../test/support/metrics.ts'
import { startServer, type TestServer } from '../test/support/server.ts'
import { ask, type Outcome } from './overload/ask.ts'
import { goodputByLoad } from './overload/goodput.ts'
import { percentile } from './report/statistics.ts'

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '10' },
    factors: { type: 'string', default: '1,2,5,10' },
    'slo-ttft-ms': { type: 'string', default: '5000' },
    serve: { type: 'string', default: '--threads 1' },
  },
})
const [requests, seconds, sloMs] = [values.requests, values.seconds, values['slo-ttft-ms']].map(Number) as [
  number,
  number,
  number,
]
const SLOTS = 4

/** MiB of a process. */
function residentOf(pid: number): number {
  const kib = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Math.round(Number(kib) / 1024)
}

function report(name: string, outcomes: readonly Outcome[]): void {
  const served = outcomes.filter(({ status, ended }) => status === 200 && ended)
  const refused = outcomes.filter(({ status }) => status === 503)
  const lost = outcomes.filter((outcome) => !served.includes(outcome) && !refused.includes(outcome))
  const reasons = new Set(lost.map(({ status, error }) => error ?? `status ${status}`))
  const times = refused.map(({ ms }) => ms)
  console.log(
    `${name}: ${outcomes.length} asked, ${served.length} served to the end, ${refused.length} refused, ${lost.length} lost ${[...reasons].join(', ')}`,
  )
  if (refused.length > 0) {
    const waits = refused.map(({ retryAfterMs = Number.NaN }) => retryAfterMs)
    console.log(
      `  refused after p50 ${percentile(times, 0.5).toFixed(0)} ms, p99 ${percentile(times, 0.99).toFixed(0)} ms`,
    )
    console.log(
      `  retry-after p50 ${percentile(waits, 0.5).toFixed(0)} ms, p99 ${percentile(waits, 0.99).toFixed(0)} ms`,
    )
  }
}

/** Server's own time for refusals, from its log. */
function reportLog(server: TestServer, from: number): void {
  const times = server.logs.slice(from).flatMap((line) => {
    const { msg, status, ms } = JSON.parse(line) as { msg: string; status?: number; ms?: number }
    return msg === 'request' && status === 503 && ms !== undefined ? [ms] : []
  })
  console.log(
    `  by its own clock: p50 ${percentile(times, 0.5).toFixed(0)} ms, p99 ${percentile(times, 0.99).toFixed(0)} ms`,
  )
}

/** How long it takes until a slot is free for who comes then, beside how long those who were refused were told to wait. */
async function checkRetry(url: string): Promise<void> {
  const startedAt = performance.now()
  const all = Promise.all(Array.from({ length: 300 }, () => ask(url)))
  let busy = false
  let idle = false
  while (!idle) {
    await pause(25)
    const waiting = await metric(url, 'vllm:num_requests_waiting')
    busy ||= waiting > 30
    idle = busy && waiting === 0
  }
  const freeMs = performance.now() - startedAt
  const ratios = (await all).flatMap(({ retryAfterMs, ms }) =>
    retryAfterMs === undefined ? [] : [(100 * (ms + retryAfterMs)) / freeMs],
  )
  console.log(
    `a slot was free after ${Math.round(freeMs)} ms; ${ratios.length} were told to come back after ${percentile(ratios, 0.01).toFixed(0)} % (p1), ${percentile(ratios, 0.5).toFixed(0)} % (p50), ${percentile(ratios, 0.99).toFixed(0)} % (p99) of that`,
  )
}

const server = await startServer(['--slots', `${SLOTS}`, '--max-queue', '64', ...values.serve.split(' ')])
const pid = server.process.pid ?? 0
console.log(`gateway: ${residentOf(pid)} MiB`)
for (let warm = 0; warm < 8; warm++) await ask(server.url)
report(`${requests} at once`, await Promise.all(Array.from({ length: requests }, () => ask(server.url))))
reportLog(server, 0)
console.log(`gateway: ${residentOf(pid)} MiB`)
for (let round = 0; round < 3; round++) await checkRetry(server.url)
for (const line of await goodputByLoad({
  url: server.url,
  streams: 2 * SLOTS,
  seconds,
  factors: values.factors.split(',').map(Number),
  sloMs,
})) {
  console.log(line)
}
console.log(`gateway: ${residentOf(pid)} MiB; exit ${await server.stop()}`)
process.exit(0)
