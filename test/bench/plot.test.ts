import { describe, expect, it } from 'vitest'
import { type LineChart, lineChart } from '../../bench/plot/line-chart.ts'
import { linearTicks, logTicks, scaleOf } from '../../bench/plot/scale.ts'
import { cumulative } from '../../bench/plot/series.ts'

describe('scaleOf', () => {
  it('scaleOf maps the ends of a domain to the ends of a range', () => {
    const linear = scaleOf('linear', [0, 50], [100, 200])
    expect([0, 25, 50].map(linear.toPixel)).toEqual([100, 150, 200])
    const log = scaleOf('log', [1, 100], [200, 0])
    expect([1, 10, 100].map(log.toPixel)).toEqual([200, 100, 0])
  })

  it('scaleOf has round ticks inside the domain', () => {
    expect(linearTicks([0, 1], 6)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1])
    expect(linearTicks([0, 63], 6)).toEqual([0, 20, 40, 60])
    expect(logTicks([3, 120])).toEqual([5, 10, 20, 50, 100])
    expect(logTicks([0.1, 20_000])).toEqual([0.1, 1, 10, 100, 1000, 10_000])
  })

  it('scaleOf accepts a domain of one value', () => {
    expect(scaleOf('linear', [5, 5], [0, 100]).toPixel(5)).toBe(0)
  })
})

describe('cumulative', () => {
  it('cumulative rises from 0 to 1 in order of value', () => {
    expect(cumulative([30, 10, 20, 20])).toEqual([
      [10, 0],
      [10, 0.25],
      [20, 0.5],
      [20, 0.75],
      [30, 1],
    ])
    expect(cumulative([])).toEqual([])
  })

  it('cumulative thins many values and keeps both ends', () => {
    const points = cumulative(
      Array.from({ length: 10_000 }, (_, index) => index),
      100,
    )
    expect(points.length).toBeLessThanOrEqual(102)
    expect(points[0]).toEqual([0, 0])
    expect(points.at(-1)).toEqual([9999, 1])
  })
})

describe('lineChart', () => {
  const chart: LineChart = {
    title: 'A & B',
    subtitle: '<one> run',
    xLabel: 'x',
    yLabel: 'y',
    xScale: 'linear',
    yDomain: [0, 1],
    series: [
      { name: 'stairs', points: cumulative([1, 2, 4]), shape: 'stairs' },
      {
        name: 'points',
        points: [
          [1, 0.5],
          [4, 1],
        ],
        shape: 'points',
      },
    ],
  }

  it('lineChart draws every series inside the frame, the right way up', () => {
    const svg = lineChart(chart)
    expect(svg.match(/<path /g)).toHaveLength(2)
    const dots = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [
      Number(x),
      Number(y),
    ])
    expect(dots).toEqual([
      [237, 236],
      [732, 92],
    ])
    expect(svg).toMatch(/d="M237 380H237V/)
  })

  it('lineChart escapes its texts', () => {
    const svg = lineChart(chart)
    expect(svg).toContain('A &#38; B')
    expect(svg).toContain('&#60;one&#62; run')
    expect(svg).not.toContain('<one>')
  })

  it('lineChart closes every tag, and has valid numbers only', () => {
    const svg = lineChart({
      ...chart,
      xScale: 'log',
      series: [...chart.series, { name: 'none', points: [], shape: 'stairs' }],
    })
    expect(svg.match(/<text/g)?.length).toBe(svg.match(/<\/text>/g)?.length)
    expect(svg).not.toMatch(/NaN|Infinity|undefined/)
    expect(lineChart({ ...chart, series: [] })).not.toMatch(/NaN|Infinity|undefined/)
  })
})
