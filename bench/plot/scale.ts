export type ScaleKind = 'linear' | 'log'

/** Maps data to pixels along one axis. */
export interface Scale {
  readonly toPixel: (value: number) => number
  /** Round numbers inside the domain. */
  readonly ticks: readonly number[]
}

/** `domain` and `range` are [from, to]; a log domain is above 0. */
export function scaleOf(
  kind: ScaleKind,
  domain: readonly [number, number],
  range: readonly [number, number],
): Scale {
  const shape = kind === 'log' ? Math.log10 : (value: number): number => value
  const [from, to] = [shape(domain[0]), shape(domain[1])]
  const slope = (range[1] - range[0]) / (to - from || 1)
  return {
    toPixel: (value) => range[0] + slope * (shape(value) - from),
    ticks: kind === 'log' ? logTicks(domain) : linearTicks(domain, 6),
  }
}

/** About `wanted` multiples of 1, 2 or 5 times a power of ten. */
export function linearTicks([low, high]: readonly [number, number], wanted: number): number[] {
  const step = roundStep((high - low) / wanted)
  const first = Math.ceil(low / step - 1e-9)
  const last = Math.floor(high / step + 1e-9)
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => tidy((first + index) * step))
}

function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough || 1))
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= rough * (1 - 1e-9)) ?? 10
  return factor * power
}

/** 1, 2 and 5 of every decade, or the powers alone when there are many. */
export function logTicks([low, high]: readonly [number, number]): number[] {
  const first = Math.floor(Math.log10(low))
  const last = Math.ceil(Math.log10(high))
  const factors = last - first > 3 ? [1] : [1, 2, 5]
  const decades = Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index))
  const all = decades.flatMap((decade) => factors.map((factor) => tidy(factor * decade)))
  return all.filter((tick) => tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9))
}

/** 0.30000000000000004 is 0.3. */
function tidy(value: number): number {
  return Number(value.toPrecision(12))
}
