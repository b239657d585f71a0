// Holds alerts and dashboard against a real Prometheus that scrapes a real run: npm run test:monitoring
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { ask, mixedRequests } from '../../test/support/mixed-requests.ts'
import { signalChild } from '../../test/support/processes.ts'
import { startServer } from '../../test/support/server.ts'
import { alerts } from './alerts.ts'
import { panels } from './dashboard.ts'

/** Where prometheus and promtool are; PATH by default. Debian: the package prometheus. */
const bin = process.env['PROMETHEUS_BIN']
const program = (name: string): string => (bin === undefined ? name : join(bin, name))
const rules = fileURLToPath(new URL('../../charts/altiplano/rules/altiplano.yaml', import.meta.url))
const faults: string[] = []
let passed = 0
const check = (name: string, fault: string | undefined): void => {
  if (fault === undefined) passed++
  else faults.push(`${name}: ${fault}`)
  console.log(`${fault === undefined ? 'ok  ' : 'FAIL'} ${name}${fault === undefined ? '' : `: ${fault}`}`)
}

const checked = spawnSync(program('promtool'), ['check', 'rules', '--lint=all', '--lint-fatal', rules], {
  encoding: 'utf8',
})
if (checked.error !== undefined) {
  console.error('neither prometheus nor promtool is here: alerts and dashboard are not tested')
  process.exit(0)
}
check('promtool check rules', checked.status === 0 ? undefined : checked.stdout + checked.stderr)

const server = await startServer(['--served-model-name', 'demo', '--slots', '4'])
const scraped = await (await fetch(`${server.url}/metrics`)).text()
const lint = spawnSync(program('promtool'), ['check', 'metrics'], { input: scraped, encoding: 'utf8' })
// Linter's taste (units, _total) stops at names that others have chosen.
const unparsable = /error while (linting|parsing)/.exec(lint.stdout + lint.stderr)?.[0]
check('promtool check metrics', unparsable)

const folder = mkdtempSync(join(tmpdir(), 'altiplano-prometheus-'))
const config = {
  global: { scrape_interval: '1s', evaluation_interval: '1s' },
  rule_files: [rules],
  scrape_configs: [{ job_name: 'altiplano', static_configs: [{ targets: [new URL(server.url).host] }] }],
}
writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config))
const port = 19_000 + (process.pid % 1000)
const prometheus = spawn(
  program('prometheus'),
  [
    `--config.file=${folder}/prometheus.yml`,
    `--storage.tsdb.path=${folder}/data`,
    `--web.listen-address=127.0.0.1:${port}`,
  ],
  { stdio: 'ignore' },
)
try {
  await run()
} finally {
  prometheus.kill('SIGKILL')
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
}
console.log(`${passed} passed, ${faults.length} failed`)
process.exitCode = faults.length === 0 ? 0 : 1

async function run(): Promise<void> {
  for (let round = 0; round < 3; round++) {
    await Promise.all(mixedRequests('demo').map((request) => ask(server.url, request)))
    await pause(2500)
  }
  for (const { title, queries } of panels) {
    for (const { expr } of queries) {
      const shown = expr.replaceAll(/\$(namespace|model)/g, '.*').replaceAll('$__rate_interval', '1m')
      const { status, count, error } = await query(shown)
      // Nobody has met an error: the only panel that may be empty.
      const empty = count === 0 && !expr.includes('altiplano_errors_total')
      check(`panel ${title}`, status === 'success' && !empty ? undefined : (error ?? `no data: ${shown}`))
    }
  }
  for (const { name, expr } of alerts) {
    const { status, error } = await query(expr)
    check(`alert ${name}`, status === 'success' ? undefined : error)
  }
  check('no alert of a healthy server', (await firing()).join(', ') || undefined)
  signalChild(server.process.pid, 'engine', 'SIGKILL')
  const deadline = performance.now() + 30_000
  while (!(await firing()).includes('AltiplanoEngineReplaced') && performance.now() < deadline)
    await pause(500)
  check(
    'an alert of a killed engine',
    (await firing()).join() === 'AltiplanoEngineReplaced' ? undefined : (await firing()).join(),
  )
}

interface Result {
  readonly status: string
  readonly count: number
  readonly error: string | undefined
}

async function query(expr: string): Promise<Result> {
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expr)}`)
  const { status, data, error } = (await answer.json()) as {
    status: string
    data?: { result: unknown[] }
    error?: string
  }
  return { status, count: data?.result.length ?? 0, error }
}

async function firing(): Promise<string[]> {
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/alerts`)
  const { data } = (await answer.json()) as {
    data: { alerts: { state: string; labels: { alertname: string } }[] }
  }
  return data.alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname)
}
