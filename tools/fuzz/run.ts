// Sends generated requests to a real server and holds every answer against the laws: npm run test:fuzz -- --requests 100000
import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { TestServer } from '../../test/support/server.ts'
import { Draw } from './draw.ts'
import { caseText } from './fuzz-case.ts'
import { startFuzzServer } from './fuzz-server.ts'
import { faultsOf } from './laws.ts'
import { sendAndLeave } from './leaver.ts'
import { drawRequest, type FuzzRequest } from './requests.ts'
import { type ServerState, stateOf } from './server-state.ts'
import { sendBytes, type WireAnswer } from './wire.ts'

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '2000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    /** Sends this index only, and shows it. */
    only: { type: 'string' },
    from: { type: 'string', default: '0' },
    minutes: { type: 'string', default: '1440' },
    clients: { type: 'string', default: '8' },
    failures: { type: 'string', default: 'fuzz-failures' },
  },
})
const seed = Number(values.seed)
const first = Number(values.only ?? values.from)
const end = values.only === undefined ? first + Number(values.requests) : first + 1
const deadline = performance.now() + Number(values.minutes) * 60_000
const LIMIT_MS = 45_000
/** Of a server in which nothing is left; its drain would last for minutes. */
const MOST_DRAIN_MS = 30_000

const server = await startFuzzServer([
  '--slots',
  '8',
  '--max-queue',
  '256',
  '--max-body-bytes',
  '1048576',
  '--drain-timeout',
  '300',
])
const port = Number(new URL(server.url).port)
const before = await stateOf(server)
const counts = new Map<number, number>()
let sent = 0
let failed = 0
let left = 0
let next = first
const started = performance.now()
const clients = values.only === undefined ? Number(values.clients) : 1
await Promise.all(Array.from({ length: clients }, () => client()))
const seconds = (performance.now() - started) / 1000
const faults = stateFaults(before, await stateOf(server), server)
const stoppedAt = performance.now()
const code = await server.stop()
const drainMs = performance.now() - stoppedAt
if (drainMs > MOST_DRAIN_MS) faults.push(`the idle server took ${Math.round(drainMs)} ms to end`)
if (code !== 0) faults.push(`the server ended with ${code}`)
for (const fault of faults) console.log(`FAULT ${fault}`)
const statuses = [...counts]
  .sort(([a], [b]) => a - b)
  .map(([status, count]) => `${status || 'closed'}: ${count}`)
console.log(
  `seed ${seed}, ${sent} requests from ${first} in ${seconds.toFixed(0)} s, ${left} that left; ${statuses.join(', ')}`,
)
console.log(`${sent - failed} passed, ${failed + faults.length} failed`)
process.exitCode = failed + faults.length === 0 ? 0 : 1

async function client(): Promise<void> {
  while (next < end && performance.now() < deadline && server.process.exitCode === null) {
    const index = next++
    const draw = new Draw(seed, index)
    const request = drawRequest(draw)
    if (values.only !== undefined) console.log(caseText(request))
    if (draw.once(20)) await leave(request, draw)
    else await judge(index, request)
  }
}

async function leave(request: FuzzRequest, draw: Draw): Promise<void> {
  await sendAndLeave(port, request, draw)
  left++
}

async function judge(index: number, request: FuzzRequest): Promise<void> {
  let answer: WireAnswer | undefined
  let found: string[]
  try {
    answer = await sendBytes(port, request, LIMIT_MS)
    found = faultsOf(request, answer)
  } catch (error) {
    found = [(error as Error).message]
  }
  sent++
  counts.set(answer?.status ?? 0, (counts.get(answer?.status ?? 0) ?? 0) + 1)
  if (values.only !== undefined) console.log(answer)
  if (found.length === 0) return
  failed++
  console.log(
    `FAULT --seed ${seed} --only ${index}: ${request.method} ${request.path.slice(0, 80)}: ${found.join('; ')}`,
  )
  mkdirSync(values.failures, { recursive: true })
  writeFileSync(`${values.failures}/${seed}-${index}.json`, caseText(request, found))
}

/** No process was replaced, nothing runs on, and nothing is held. */
function stateFaults(was: ServerState, is: ServerState, { logs }: TestServer): string[] {
  const faults = [...was.children]
    .filter(([name, pid]) => is.children.get(name) !== pid)
    .map(([name]) => `the ${name} process was replaced`)
  if (is.running + is.waiting > 0) faults.push(`${is.running} running and ${is.waiting} waiting at the end`)
  if (is.admitted !== is.over) faults.push(`${is.admitted} were let in, and ${is.over} are over`)
  const lines = logs.filter((line) => /"level":(50|60)|"child down"/.test(line) || !line.startsWith('{'))
  return [...faults, ...lines.slice(0, 20).map((line) => `log: ${line.slice(0, 500)}`)]
}
