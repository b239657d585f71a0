import { formatDistribution, formatNumber, formatRatio, formatShare } from './format.ts'
import { type GroupResult, type Results, ratioOf, type ServerResult, type ServerStats } from './results.ts'
import type { Distribution, Summary } from './statistics.ts'
import { textTable } from './text-table.ts'

interface Line {
  readonly name: string
  readonly cell: (summary: Summary) => string
  /** What is compared between servers. */
  readonly ratio?: (summary: Summary) => number
}

type Latency = 'ttftMs' | 'itlMs' | 'tpotMs' | 'e2eMs'

const lines: readonly Line[] = [
  { name: 'requests / rejected / failed', cell: (s) => `${s.requests} / ${s.rejected} / ${s.failed}` },
  rateLine('output tok/s', (s) => s.outputTokensPerSecond),
  {
    name: 'good requests/s',
    cell: (s) => `${formatNumber(s.goodput)}, ${formatShare(s.goodShare)}`,
    ratio: (s) => s.goodput,
  },
  ...latencyLines('TTFT', 'ttftMs'),
  ...latencyLines('ITL', 'itlMs'),
  ...latencyLines('TPOT', 'tpotMs'),
  ...latencyLines('E2E', 'e2eMs'),
  { name: 'prompt tokens from cache', cell: (s) => formatShare(s.cachedShare) },
  {
    name: 'chunks per token; answers where they differ',
    cell: (s) => `${formatNumber(s.chunksPerToken)}; ${s.chunksDiffer}`,
  },
]

const rejectLines: readonly Line[] = [
  { name: 'rejected after ms', cell: (s) => formatDistribution(s.rejectMs) },
  { name: 'retry-after s', cell: (s) => formatDistribution(s.retryAfterS) },
]

function rateLine(name: string, ratio: (summary: Summary) => number): Line {
  return { name, cell: (summary) => formatNumber(ratio(summary)), ratio }
}

/** The row of the percentiles is compared by p50, and a row for p99 follows it. */
function latencyLines(name: string, key: Latency): Line[] {
  const of = (summary: Summary): Distribution => summary[key]
  return [
    { name: `${name} ms`, cell: (summary) => formatDistribution(of(summary)), ratio: (s) => of(s).p50 },
    { name: '', cell: () => '', ratio: (s) => of(s).p99 },
  ]
}

/** All numbers of one group of one workload. */
export function groupTable(result: GroupResult): string {
  const [base, ...peers] = result.servers
  if (base === undefined) return ''
  const anyRejected = result.servers.some(({ summary }) => summary.rejected > 0)
  const shown = [...lines, ...(anyRejected ? rejectLines : [])].filter(
    (line) => line.name !== '' || peers.length > 0,
  )
  const head = [
    '',
    ...result.servers.map(({ server }) => server),
    ...peers.map((peer) => against(base, peer)),
  ]
  const rows = shown.map((line) => groupRow(line, base, peers))
  const title = result.group === 'all' ? result.workload : `${result.workload}, ${result.group}`
  return `${title}: ${result.description}\n${textTable([head, ...rows])}`
}

const against = (base: ServerResult, peer: ServerResult): string => `${base.server} / ${peer.server}`

function groupRow({ name, cell, ratio }: Line, base: ServerResult, peers: readonly ServerResult[]): string[] {
  const cells = [base, ...peers].map(({ summary }) => cell(summary))
  const label = ratio === undefined ? '' : name === '' ? 'p99 ' : name.endsWith(' ms') ? 'p50 ' : ''
  const ratios =
    ratio === undefined ? [] : peers.map((peer) => label + formatRatio(ratioOf(base, peer, ratio)))
  return [name, ...cells, ...ratios]
}

const overview: readonly (readonly [string, (summary: Summary) => number])[] = [
  ['output tok/s', (s) => s.outputTokensPerSecond],
  ['TTFT p50', (s) => s.ttftMs.p50],
  ['TTFT p99', (s) => s.ttftMs.p99],
  ['ITL p50', (s) => s.itlMs.p50],
  ['ITL p99', (s) => s.itlMs.p99],
  ['E2E p50', (s) => s.e2eMs.p50],
]

/** Every workload in one row: the base over each peer, or the base's own numbers when it has no peer. */
export function overviewTables(results: readonly GroupResult[]): string {
  const peers = results[0]?.servers.slice(1).map(({ server }) => server) ?? []
  if (peers.length === 0)
    return overviewTable('numbers', results, (s, number) => formatNumber(number(s.summary)))
  return peers.map((_, index) => ratioTable(results, index + 1)).join('\n\n')
}

type OverviewCell = (base: ServerResult, number: (summary: Summary) => number, result: GroupResult) => string

function overviewTable(title: string, results: readonly GroupResult[], cell: OverviewCell): string {
  const rows = results.map((result) => {
    const base = result.servers[0]
    const name = result.group === 'all' ? result.workload : `${result.workload}, ${result.group}`
    return [name, ...(base === undefined ? [] : overview.map(([, number]) => cell(base, number, result)))]
  })
  return textTable([[title, ...overview.map(([name]) => name)], ...rows])
}

function ratioTable(results: readonly GroupResult[], peer: number): string {
  const names = results[0]?.servers.map(({ server }) => server) ?? []
  return overviewTable(`${names[0]} / ${names[peer]}`, results, (base, number, { servers }) => {
    const other = servers[peer]
    return other === undefined ? '–' : formatRatio(ratioOf(base, other, number))
  })
}

/** What a user reads: every group, the overview, and the servers themselves. */
export function reportText({ groups, servers }: Results): string {
  const legend =
    'Cells of times: p50 / p90 / p99 / max. Ratios: geometric mean of the rounds (least–greatest); for tok/s more is better, for times less.'
  const tables = [...groups.map(groupTable), overviewTables(groups), ...servers.map(serverTable)]
  return [legend, ...tables.filter((table) => table !== '')].join('\n\n')
}

function serverTable({ name, stats }: ServerStats): string {
  const rows = Object.entries(stats).map(([stat, value]) => [stat, formatNumber(value)])
  return rows.length === 0 ? '' : textTable([[name, ''], ...rows])
}
