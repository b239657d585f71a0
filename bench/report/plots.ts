import type { Measurement } from '../measurement.ts'
import { type LineChart, lineChart } from '../plot/line-chart.ts'
import { cumulative } from '../plot/series.ts'
import type { GroupResult } from './results.ts'
import { itls, ttft } from './statistics.ts'

export interface PlotFile {
  readonly name: string
  readonly svg: string
}

/** Two CDFs for every group, and the throughput of the closed loops when there are several. */
export function plots(results: readonly GroupResult[]): PlotFile[] {
  const files = results.flatMap((result) => [
    cdf(result, 'ttft', 'time to first token', (one) => ttft(one) ?? []),
    cdf(result, 'itl', 'inter-token latency', itls),
  ])
  const loops = results.filter(({ workload }) => streamsOf(workload) > 0)
  return loops.length > 1 ? [...files, throughput(loops)] : files
}

/** Of the closed loops' names, "streams-8" for 8. 0 of any other. */
const streamsOf = (workload: string): number => Number(/^streams-(\d+)$/.exec(workload)?.[1] ?? 0)

function cdf(
  { workload, group, description, servers }: GroupResult,
  key: string,
  measure: string,
  values: (measurement: Measurement) => number | number[],
): PlotFile {
  const name = group === 'all' ? workload : `${workload}-${group}`
  const chart: LineChart = {
    title: `${name}: ${measure}`,
    subtitle: description,
    xLabel: `${measure}, ms (log scale); further left is better`,
    yLabel: 'share at or below',
    xScale: 'log',
    yDomain: [0, 1],
    series: servers.map(({ server, rounds }) => ({
      name: server,
      points: cumulative(rounds.flat().flatMap(values).map(visible)),
      shape: 'stairs',
    })),
  }
  return { name: `${key}-${name}.svg`, svg: lineChart(chart) }
}

/** Chunks of one packet arrive within microseconds: below 0.1 ms they would stretch a log axis for nothing. */
const visible = (ms: number): number => Math.max(0.1, ms)

function throughput(loops: readonly GroupResult[]): PlotFile {
  const chart: LineChart = {
    title: 'Output tokens a second by concurrent streams',
    subtitle: 'closed loop, 128 + 128 tokens a request',
    xLabel: 'streams',
    yLabel: 'output tokens a second',
    xScale: 'linear',
    xTicks: loops.map(({ workload }) => streamsOf(workload)),
    series: (loops[0]?.servers ?? []).map(({ server }, index) => ({
      name: server,
      points: loops.map((loop) => [streamsOf(loop.workload), tokensPerSecond(loop, index)] as const),
      shape: 'points',
    })),
  }
  return { name: 'throughput.svg', svg: lineChart(chart) }
}

function tokensPerSecond({ servers }: GroupResult, index: number): number {
  return servers[index]?.summary.outputTokensPerSecond ?? 0
}
