// Clients and suites that others wrote, each against a running server; the table in docs/clients.md is what they said:
// npm run test:judges, or npm run test:judges -- langchain schemathesis
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startServer } from '../../test/support/server.ts'
import { install, versions } from './install.ts'
import type { Judge, Place } from './judge.ts'
import { judges } from './judges.ts'
import { type Outcome, readJunit } from './junit.ts'
import { type Row, withRows } from './table.ts'
import { type Verdict, verdictOf } from './verdict.ts'

const PAGE = fileURLToPath(new URL('../../docs/clients.md', import.meta.url))
const MODEL = 'altiplano-demo'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    /** Keeps what is installed, with the reports and logs of the last run. */
    folder: { type: 'string' },
  },
})
const strangers = positionals.filter((name) => !judges.some((judge) => judge.name === name))
if (strangers.length > 0) {
  console.error(`there is no judge ${strangers.join(', ')}: ${judges.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}
const root = resolve(values.folder ?? mkdtempSync(join(tmpdir(), 'altiplano-judges-')))
const called = judges.filter(({ name }) => positionals.length === 0 || positionals.includes(name))

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
if (values.folder === undefined) process.once('exit', () => rmSync(root, { recursive: true, force: true }))

let faults = 0
for (const judge of called) {
  console.log(`${judge.name}: ${judge.runs}`)
  const row = await rowOf(judge)
  faults += tell(row)
  const order = judges.map(({ name }) => name)
  writeFileSync(PAGE, withRows(readFileSync(PAGE, 'utf8'), [row], order))
}
process.exitCode = faults === 0 ? 0 : 1

async function rowOf(judge: Judge): Promise<Row> {
  const folder = join(root, judge.name)
  const row = { judge: judge.name, runs: judge.runs, date: new Date().toISOString().slice(0, 10) }
  try {
    await install(judge, folder)
  } catch (error) {
    return { ...row, versions: '', verdict: (error as Error).message }
  }
  const verdict = verdictOf(await hear(judge, folder), judge.known)
  return { ...row, versions: await versions(judge, folder), verdict }
}

/** Starts the server, lets the judge run, and reads its report. */
async function hear(judge: Judge, folder: string): Promise<Outcome[]> {
  const place = {
    folder,
    scripts: fileURLToPath(new URL('scripts', import.meta.url)),
    report: join(folder, 'report.xml'),
    url: '',
  }
  rmSync(place.report, { force: true })
  const server = await startServer([
    ...['--served-model-name', MODEL, '--slots', '2'],
    ...(judge.server ?? []),
  ])
  const end = (): void => void server.process.kill()
  process.once('exit', end)
  try {
    const ended = await follow(judge, { ...place, url: server.url })
    if (!existsSync(place.report)) return [fault(judge, `left no report: ${ended}`)]
    const outcomes = readJunit(readFileSync(place.report, 'utf8'))
    if (server.process.exitCode !== null)
      outcomes.push(fault(judge, `the server ended with ${server.process.exitCode}`))
    return outcomes.length > 0 ? outcomes : [fault(judge, `ran no test: ${ended}`)]
  } finally {
    process.off('exit', end)
    await server.stop()
  }
}

/** Runs the judge until it ends or its time is over, as a group of processes that ends with it. */
async function follow(judge: Judge, place: Place): Promise<string> {
  const { program, args, env } = judge.command(place)
  const child = spawn(program, args, {
    cwd: place.folder,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    // No key or token of whoever runs this is the judge's business.
    env: {
      PATH: process.env['PATH'],
      LANG: process.env['LANG'],
      HOME: place.folder,
      DO_NOT_TRACK: '1',
      PYTHONDONTWRITEBYTECODE: '1',
      ALTIPLANO_URL: place.url,
      ALTIPLANO_MODEL: MODEL,
      ...env,
    },
  })
  const log = createWriteStream(join(place.folder, 'run.log'))
  child.stdout.pipe(log, { end: false })
  child.stderr.pipe(log, { end: false })
  const endGroup = (): void => {
    try {
      process.kill(-(child.pid ?? Number.NaN), 'SIGKILL')
    } catch {
      // Nothing of the group is left.
    }
  }
  process.once('exit', endGroup)
  let late = false
  const timer = setTimeout(() => {
    late = true
    endGroup()
  }, judge.limit * 1000)
  const [code] = await once(child, 'exit')
  clearTimeout(timer)
  process.off('exit', endGroup)
  endGroup()
  log.end()
  return late ? `stopped after ${judge.limit} s` : `ended with ${code}`
}

function fault({ name }: Judge, says: string): Outcome {
  return { test: name, ended: 'failed', says }
}

/** Prints the verdict. Returns how many failures were not expected. */
function tell({ judge, versions, verdict }: Row): number {
  if (typeof verdict === 'string') {
    console.log(`  not run: ${verdict}`)
    return 0
  }
  const { passed, failed, skipped, reasons, unexpected, mended }: Verdict = verdict
  console.log(`  ${versions}\n  ${passed} passed, ${failed} failed, ${skipped} skipped`)
  for (const { count, whose, why } of reasons) console.log(`  ${count} expected, ${whose}: ${why}`)
  for (const { test, why } of mended) console.log(`  no longer fails: ${test} (${why})`)
  for (const { test, says } of unexpected)
    console.log(`  FAULT ${judge}: ${test}\n    ${says.split('\n').slice(0, 6).join('\n    ').slice(0, 600)}`)
  return unexpected.length
}
