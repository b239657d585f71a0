import { type Scale, type ScaleKind, scaleOf } from './scale.ts'
import type { Point, Series } from './series.ts'

export interface LineChart {
  readonly title: string
  readonly subtitle: string
  readonly xLabel: string
  readonly yLabel: string
  readonly xScale: ScaleKind
  /** Ticks of the x axis; undefined: round numbers. */
  readonly xTicks?: readonly number[]
  /** Undefined: from 0 to a little above the greatest value. */
  readonly yDomain?: readonly [number, number]
  readonly series: readonly Series[]
}

interface Frame {
  readonly x: Scale
  readonly y: Scale
}

const WIDTH = 760
const HEIGHT = 440
const PLOT = { left: 72, right: WIDTH - 28, top: 92, bottom: HEIGHT - 60 }
/** Okabe and Ito's palette: told apart by colour-blind readers and in print. */
const COLORS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000']
const DASHES = ['', '7 4', '2 3', '10 3 2 3']

/** A whole SVG document of fixed size, without a script or a font of its own. */
export function lineChart(chart: LineChart): string {
  const frame = frameOf(chart)
  const body = [...heading(chart), ...legend(chart), ...axes(chart, frame), ...curves(chart, frame)]
  const size = `width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}"`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" font-family="system-ui, Helvetica, Arial, sans-serif" font-size="12" fill="#333">`,
    `<title>${escapeXml(chart.title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    ...body,
    '</svg>\n',
  ].join('\n')
}

function frameOf({ series, xScale, yDomain }: LineChart): Frame {
  const points = series.flatMap((one) => one.points)
  const ys = points.map(([, y]) => y)
  return {
    x: scaleOf(xScale, xDomain(points, xScale), [PLOT.left, PLOT.right]),
    y: scaleOf('linear', yDomain ?? [0, 1.08 * most(ys) || 1], [PLOT.bottom, PLOT.top]),
  }
}

/** Log axes start at the least value above 0; linear ones at 0. */
function xDomain(points: readonly Point[], kind: ScaleKind): [number, number] {
  const xs = points.map(([x]) => x).filter((x) => kind === 'linear' || x > 0)
  const high = most(xs) || 1
  if (kind === 'linear') return [0, high]
  const low = xs.reduce((least, x) => Math.min(least, x), high)
  return low === high ? [low / 2, high * 2] : [low, high]
}

/** 0 of nothing. */
const most = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), 0)

function heading({ title, subtitle }: LineChart): string[] {
  return [
    `<text x="${PLOT.left}" y="28" font-size="17" font-weight="600" fill="#111">${escapeXml(title)}</text>`,
    `<text x="${PLOT.left}" y="48" fill="#666">${escapeXml(subtitle)}</text>`,
  ]
}

function legend({ series }: LineChart): string[] {
  let left = PLOT.left
  return series.flatMap(({ name }, index) => {
    const x = left
    left += 52 + 7 * name.length
    return [
      `<line x1="${x}" x2="${x + 26}" y1="70" y2="70" ${stroke(index)}/>`,
      `<text x="${x + 32}" y="74">${escapeXml(name)}</text>`,
    ]
  })
}

function axes(chart: LineChart, frame: Frame): string[] {
  const middle = (PLOT.top + PLOT.bottom) / 2
  return [
    ...frame.y.ticks.flatMap((tick) => horizontal(tick, frame.y.toPixel(tick))),
    ...(chart.xTicks ?? frame.x.ticks).flatMap((tick) => vertical(tick, frame.x.toPixel(tick))),
    `<line x1="${PLOT.left}" x2="${PLOT.right}" y1="${PLOT.bottom}" y2="${PLOT.bottom}" stroke="#333"/>`,
    `<text x="${(PLOT.left + PLOT.right) / 2}" y="${HEIGHT - 18}" text-anchor="middle">${escapeXml(chart.xLabel)}</text>`,
    `<text transform="translate(20 ${middle}) rotate(-90)" text-anchor="middle">${escapeXml(chart.yLabel)}</text>`,
  ]
}

function horizontal(tick: number, pixel: number): string[] {
  const y = round(pixel)
  return [
    `<line x1="${PLOT.left}" x2="${PLOT.right}" y1="${y}" y2="${y}" stroke="#e5e5e5"/>`,
    `<text x="${PLOT.left - 8}" y="${round(pixel + 4)}" text-anchor="end">${label(tick)}</text>`,
  ]
}

function vertical(tick: number, pixel: number): string[] {
  const x = round(pixel)
  return [
    `<line x1="${x}" x2="${x}" y1="${PLOT.top}" y2="${PLOT.bottom}" stroke="#f0f0f0"/>`,
    `<text x="${x}" y="${PLOT.bottom + 18}" text-anchor="middle">${label(tick)}</text>`,
  ]
}

function curves({ series, xScale }: LineChart, frame: Frame): string[] {
  return series.flatMap(({ points, shape }, index) => {
    const shown = points.filter(([x]) => xScale === 'linear' || x > 0)
    const pixels = shown.map(([x, y]): Point => [round(frame.x.toPixel(x)), round(frame.y.toPixel(y))])
    if (pixels.length === 0) return []
    const path = `<path d="${pathOf(pixels, shape)}" fill="none" ${stroke(index)}/>`
    return shape === 'points' ? [path, ...pixels.map((pixel) => dot(pixel, index))] : [path]
  })
}

function pathOf([first, ...rest]: readonly Point[], shape: Series['shape']): string {
  if (first === undefined) return ''
  const move = ([x, y]: Point): string => (shape === 'stairs' ? `H${x}V${y}` : `L${x} ${y}`)
  return `M${first[0]} ${first[1]}${rest.map(move).join('')}`
}

function dot([x, y]: Point, index: number): string {
  return `<circle cx="${x}" cy="${y}" r="4" fill="${color(index)}"/>`
}

const color = (index: number): string => COLORS[index % COLORS.length] ?? '#000'

function stroke(index: number): string {
  const dash = DASHES[Math.floor(index / COLORS.length) % DASHES.length]
  return `stroke="${color(index)}" stroke-width="2" stroke-linejoin="round"${dash ? ` stroke-dasharray="${dash}"` : ''}`
}

const round = (pixel: number): number => Math.round(10 * pixel) / 10

const label = (value: number): string => value.toLocaleString('en-US', { maximumFractionDigits: 6 })

export function escapeXml(text: string): string {
  return text.replace(/[<>&"]/g, (char) => `&#${char.charCodeAt(0)};`)
}
