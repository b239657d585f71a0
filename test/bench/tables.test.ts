import { describe, expect, it } from 'vitest'
import type { Measurement } from '../../bench/measurement.ts'
import { formatNumber, formatRatio } from '../../bench/report/format.ts'
import { plots } from '../../bench/report/plots.ts'
import { type Run, resultsOf } from '../../bench/report/results.ts'
import { groupTable, reportText } from '../../bench/report/tables.ts'
import { textTable } from '../../bench/report/text-table.ts'
import { planWorkloads } from '../../bench/workload/scenarios.ts'

const objective = { ttftMs: 1000, itlMs: 100 }
const [one, four] = planWorkloads(['streams'], { seed: 1, streams: [1, 4], rate: 1, scale: 1 })
if (one === undefined || four === undefined) throw new Error('no workload')

/** A request that takes `stepMs` for each of its 4 tokens. */
function measurement(stepMs: number): Measurement {
  const tics = [1, 2, 3, 4].map((token) => token * stepMs)
  const outcome = { status: 200, error: undefined, retryAfter: undefined, cachedTokens: undefined }
  const lengths = { promptTokens: 8, completionTokens: 4 }
  return { group: 'all', session: 0, turn: 0, sentAt: 0, tics, endAt: 4 * stepMs, ...outcome, ...lengths }
}

const run = (workload: string, server: string, round: number, stepMs: number): Run => ({
  workload,
  server,
  round,
  startedAt: '',
  measurements: [measurement(stepMs)],
})
const runs = ['streams-1', 'streams-4'].flatMap((name) => [
  run(name, 'a', 0, 10),
  run(name, 'b', 0, 20),
  run(name, 'a', 1, 100),
  run(name, 'b', 1, 400),
])
const both = [one, four].flatMap((workload) => resultsOf(workload, runs, ['a', 'b'], objective))
const alone = resultsOf(one, runs, ['a'], objective)

describe('a report', () => {
  it('a report compares servers round by round', () => {
    const table = groupTable(both[0] ?? { workload: '', description: '', group: '', servers: [] })
    expect(table).toMatch(/^streams-1: closed loop/)
    expect(table).toMatch(/output tok\/s +18\.2 +4\.76 +2\.83 \(2\.00–4\.00\)/)
    expect(table).toMatch(/TTFT ms .* p50 0\.35 \(0\.25–0\.50\)/)
  })

  it('a report has one overview row for each workload, and ratios only with a peer', () => {
    const rows = (text: string): number =>
      text.split('\n').filter((line) => /^streams-\d +[\d.]/.test(line)).length
    const text = reportText({ groups: both, runs, servers: [] })
    expect(text).toContain('a / b')
    expect(rows(text)).toBe(2)
    const single = reportText({ groups: alone, runs, servers: [] })
    expect(rows(single)).toBe(1)
    expect(single).not.toContain('a / b')
  })

  it('a report shows the figures that a server reports of itself', () => {
    const servers = [{ name: 'a', target: { baseUrl: '', model: '' }, stats: { 'ready, ms': 1234.5 } }]
    expect(reportText({ groups: alone, runs, servers })).toMatch(/ready, ms +1,23[45]/)
  })

  it('a report plots both latencies of each workload, and throughput where streams vary', () => {
    expect(plots(both).map(({ name }) => name)).toEqual([
      'ttft-streams-1.svg',
      'itl-streams-1.svg',
      'ttft-streams-4.svg',
      'itl-streams-4.svg',
      'throughput.svg',
    ])
    expect(plots(alone)).toHaveLength(2)
  })
})

describe('the cells of a table', () => {
  it('numbers in cells are short, and a dash stands for none', () => {
    expect([1234567.8, 123.4, 12.34, 1.234, 0].map(formatNumber)).toEqual([
      '1,234,568',
      '123',
      '12.3',
      '1.23',
      '0',
    ])
    expect(formatNumber(Number.NaN)).toBe('–')
    expect(formatRatio({ mean: 1.234, low: 1, high: 2 })).toBe('1.23 (1.00–2.00)')
    expect(formatRatio({ mean: 1.234, low: 1.234, high: 1.234 })).toBe('1.23')
    expect(formatRatio({ mean: Number.NaN, low: 1, high: 2 })).toBe('–')
  })

  it('the columns of a text table are aligned', () => {
    expect(
      textTable([
        ['', 'a', 'bb'],
        ['row', '100'],
      ]),
    ).toBe('        a   bb\nrow   100')
  })
})
