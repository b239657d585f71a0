// Mixed clients, kills and hostile requests for some time, and proof that nothing is left of them: npm run test:soak -- --minutes 60
import { mkdirSync, writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { lineChart } from '../../bench/plot/line-chart.ts'
import { children as childrenOf } from '../../test/support/processes.ts'
import { Draw } from '../fuzz/draw.ts'
import { startFuzzServer } from '../fuzz/fuzz-server.ts'
import { type Visit, visit } from './clients.ts'
import { processNames, type Sample, sampleOf } from './sample.ts'
import { growth, leaks, MOST_MB_PER_10_MIN } from './verdict.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    clients: { type: 'string', default: '8' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    /** Rest of a client between two visits, at most. */
    'pause-ms': { type: 'string', default: '200' },
    /** Four crashes in five minutes are borne. */
    'kill-every-s': { type: 'string', default: '80' },
    out: { type: 'string', default: 'soak-results' },
  },
})
const seed = Number(values.seed)
const seconds = 60 * Number(values.minutes)
/** Processes are killed in the first third: growth is seen in those that live on. */
const killUntil = seconds / 3
/** Growth is measured when the last process to be replaced is warm again. */
const warmFrom = killUntil + Math.max(30, (seconds - killUntil) / 4)

const server = await startFuzzServer(['--slots', '4', '--context-size', '512', '--max-queue', '64'])
const gateway = server.process.pid ?? 0
let started = performance.now()
const elapsed = (): number => (performance.now() - started) / 1000
const samples: Sample[] = []
const visits = new Map<string, number>()
const faults: string[] = []
let visited = 0
let killed = 0
server.process.once('exit', (code) =>
  faults.push(...(elapsed() < seconds ? [`the server ended with ${code}`] : [])),
)

// Each kind of client once, so that what is loaded late is there.
for (let index = 0; index < 40; index++) await visit(server.url, new Draw(seed, index))
const before = await idle()
started = performance.now()
await Promise.all([...Array.from({ length: Number(values.clients) }, () => client()), watch(), kill()])
const after = await idle()
samples.push(after)
const code = await server.stop()
report(code)

async function client(): Promise<void> {
  while (elapsed() < seconds && server.process.exitCode === null) {
    const draw = new Draw(seed, 1000 + visited++)
    note(await visit(server.url, draw))
    await pause(draw.below(Number(values['pause-ms']) + 1))
  }
}

function note({ behaviour, fault }: Visit): void {
  visits.set(behaviour, (visits.get(behaviour) ?? 0) + 1)
  if (fault === undefined) return
  faults.push(`${behaviour} at ${elapsed().toFixed(1)} s: ${fault}`)
  console.log(`FAULT ${faults.at(-1)}`)
}

async function watch(): Promise<void> {
  while (elapsed() < seconds) {
    samples.push(await sampleOf(server.url, gateway, elapsed()))
    await pause(5000)
  }
}

async function kill(): Promise<void> {
  const every = Number(values['kill-every-s'])
  for (let at = every; at < killUntil; at += every) {
    await pause(Math.max(0, 1000 * (at - elapsed())))
    const child = killed++ % 3 === 2 ? 'text' : 'engine'
    const signal = (['SIGKILL', 'SIGSEGV', 'SIGABRT', 'SIGSTOP'] as const)[killed % 4] ?? 'SIGKILL'
    console.log(`${elapsed().toFixed(0)} s: ${signal} of the ${child} process`)
    const pid = childrenOf(gateway).get(child)
    if (pid !== undefined) process.kill(pid, signal)
  }
}

/** When nothing runs and connections that were kept alive have been let go: the server waits 75 s. */
async function idle(): Promise<Sample> {
  await pause(78_000)
  const deadline = performance.now() + 30_000
  for (;;) {
    await pause(2000)
    const sample = await sampleOf(server.url, gateway, elapsed())
    if (sample.running + sample.waiting === 0 || performance.now() > deadline) return sample
  }
}

function report(code: number | null): void {
  const warm = samples.filter((sample) => sample.seconds > warmFrom && sample.seconds < seconds)
  const slopes = Object.fromEntries(processNames.map((name) => [name, growth(warm, name)]))
  for (const [name, slope] of Object.entries(slopes)) {
    if ((slope ?? 0) > MOST_MB_PER_10_MIN)
      faults.push(`${name}: grows by ${slope?.toFixed(2)} MB in 10 minutes`)
  }
  faults.push(...leaks(before, after), ...(code === 0 ? [] : [`the server ended with ${code}`]))
  if (after.restarts !== killed) faults.push(`${after.restarts} restarts, and ${killed} were killed`)
  const summary = {
    seed,
    minutes: seconds / 60,
    clients: Number(values.clients),
    visits: Object.fromEntries(visits),
    killed,
    slopesMbPer10Min: slopes,
    anonymousSlopesMbPer10Min: Object.fromEntries(
      processNames.map((name) => [name, growth(warm, name, 'anonymous')]),
    ),
    before,
    after,
    faults,
  }
  mkdirSync(values.out, { recursive: true })
  writeFileSync(`${values.out}/soak.json`, `${JSON.stringify({ ...summary, samples }, null, 1)}\n`)
  writeFileSync(`${values.out}/soak.svg`, plot(summary.visits))
  console.log(JSON.stringify(summary, null, 1))
  console.log(`${faults.length === 0 ? 1 : 0} passed, ${faults.length} failed`)
  process.exitCode = faults.length === 0 ? 0 : 1
}

function plot(counts: Readonly<Record<string, number>>): string {
  const clients = Object.entries(counts).map(([name, count]) => `${count} ${name}`)
  return lineChart({
    title: 'Resident memory under mixed clients, kills and hostile requests',
    subtitle: `${clients.join(', ')}; ${killed} processes killed in the first ${Math.round(killUntil / 60)} minutes`,
    xLabel: 'minutes',
    yLabel: 'RSS, MB',
    xScale: 'linear',
    series: processNames.map((name) => ({
      name,
      shape: 'line',
      points: samples.flatMap((sample) =>
        sample.rss[name] === undefined ? [] : [[sample.seconds / 60, sample.rss[name]] as const],
      ),
    })),
  })
}
