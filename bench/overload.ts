/**
 * More requests than a server can take, all at once and then at a pace: what is lost, what hangs, how fast it says no, and
 * whether its Retry-After is true. `npm run bench:overload -- [--requests 10000] [--rate 200] [--seconds 10]`
 */
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startServer, type TestServer } from '../test/support/server.ts'

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '10000' },
    rate: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '10' },
  },
})
const [requests, rate, seconds] = [values.requests, values.rate, values.seconds].map(Number) as [
  number,
  number,
  number,
]

interface Outcome {
  /** 0: no answer; what went wrong is the error. */
  readonly status: number
  readonly error: string | undefined
  readonly ms: number
  readonly retryAfterMs: number | undefined
  readonly ended: boolean
}

const HUNG_AFTER_MS = 280_000
const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY })
const body = JSON.stringify({
  model: 'altiplano-demo',
  messages: [{ role: 'user', content: 'Tell me a story' }],
  max_tokens: 32,
  ignore_eos: true,
  stream: true,
})

/** Never rejects. */
function ask(url: string): Promise<Outcome> {
  const startedAt = performance.now()
  return new Promise((resolve) => {
    const end = (status: number, more: Partial<Outcome> = {}): void =>
      resolve({
        status,
        error: undefined,
        retryAfterMs: undefined,
        ended: false,
        ms: performance.now() - startedAt,
        ...more,
      })
    const headers = { 'content-type': 'application/json', 'content-length': body.length }
    const sent = request(`${url}/v1/chat/completions`, { method: 'POST', agent, headers }, (answer) => {
      let text = ''
      answer.on('data', (chunk: Buffer) => {
        text = text.slice(-100) + chunk.toString()
      })
      answer.on('error', (error) => end(0, { error: error.message }))
      answer.on('end', () => {
        const retryAfter = answer.headers['retry-after-ms']
        end(answer.statusCode ?? 0, {
          retryAfterMs: retryAfter === undefined ? undefined : Number(retryAfter),
          ended: text.trimEnd().endsWith('data: [DONE]'),
        })
      })
    })
    sent.setTimeout(HUNG_AFTER_MS, () => sent.destroy(new Error('hung')))
    sent.on('error', (error) => end(0, { error: error.message }))
    sent.end(body)
  })
}

function quantile(numbers: readonly number[], q: number): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN)
}

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
    console.log(`  refused after p50 ${quantile(times, 0.5)} ms, p99 ${quantile(times, 0.99)} ms`)
    console.log(`  retry-after p50 ${quantile(waits, 0.5)} ms, p99 ${quantile(waits, 0.99)} ms`)
  }
}

/** Server's own time for refusals, from its log. */
function reportLog(server: TestServer, from: number): void {
  const times = server.logs.slice(from).flatMap((line) => {
    const { msg, status, ms } = JSON.parse(line) as { msg: string; status?: number; ms?: number }
    return msg === 'request' && status === 503 && ms !== undefined ? [ms] : []
  })
  console.log(`  by its own clock: p50 ${quantile(times, 0.5)} ms, p99 ${quantile(times, 0.99)} ms`)
}

/** How long it takes until a slot is free for who comes then, beside how long those who were refused were told to wait. */
async function checkRetry(url: string): Promise<void> {
  const startedAt = performance.now()
  const all = Promise.all(Array.from({ length: 300 }, () => ask(url)))
  let busy = false
  let idle = false
  while (!idle) {
    await pause(25)
    const text = await (await fetch(`${url}/metrics`)).text()
    const waiting = Number(/^vllm:num_requests_waiting\{[^}]*\} (\d+)$/m.exec(text)?.[1])
    busy ||= waiting > 30
    idle = busy && waiting === 0
  }
  const freeMs = performance.now() - startedAt
  const ratios = (await all).flatMap(({ retryAfterMs, ms }) =>
    retryAfterMs === undefined ? [] : [(100 * (ms + retryAfterMs)) / freeMs],
  )
  console.log(
    `a slot was free after ${Math.round(freeMs)} ms; ${ratios.length} were told to come back after ${quantile(ratios, 0.01)} % (p1), ${quantile(ratios, 0.5)} % (p50), ${quantile(ratios, 0.99)} % (p99) of that`,
  )
}

const server = await startServer(['--slots', '4', '--max-queue', '64'])
const pid = server.process.pid ?? 0
console.log(`gateway: ${residentOf(pid)} MiB`)
for (let warm = 0; warm < 8; warm++) await ask(server.url)
report(`${requests} at once`, await Promise.all(Array.from({ length: requests }, () => ask(server.url))))
reportLog(server, 0)
console.log(`gateway: ${residentOf(pid)} MiB`)
for (let round = 0; round < 3; round++) await checkRetry(server.url)
const before = server.logs.length
const paced: Promise<Outcome>[] = []
for (const startedAt = performance.now(); performance.now() - startedAt < seconds * 1000; ) {
  await pause(10)
  const due = Math.floor(((performance.now() - startedAt) / 1000) * rate)
  while (paced.length < due) paced.push(ask(server.url))
}
report(`${rate} a second for ${seconds} s`, await Promise.all(paced))
reportLog(server, before)
console.log(`gateway: ${residentOf(pid)} MiB; exit ${await server.stop()}`)
process.exit(0)
