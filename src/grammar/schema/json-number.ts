import {
  choice,
  DIGIT,
  EMPTY,
  type GrammarNode,
  literal,
  optional,
  repeat,
  sequence,
  set,
} from '../gbnf/node.ts'

/** Digits of an integer that a double represents exactly. */
export const INTEGER_DIGITS = 15
const FRACTION_DIGITS = 15
const LARGEST = 10 ** INTEGER_DIGITS - 1
const NON_ZERO = set([0x31, 0x39])
const ZERO = literal('0')

export const INTEGER: GrammarNode = choice([
  ZERO,
  sequence(optional(literal('-')), NON_ZERO, repeat(DIGIT, 0, INTEGER_DIGITS - 1)),
])

/** 17 digits of fraction are what JSON.stringify writes at most; two of exponent keep it finite. */
export const NUMBER: GrammarNode = sequence(
  optional(literal('-')),
  choice([ZERO, sequence(NON_ZERO, repeat(DIGIT, 0, INTEGER_DIGITS - 1))]),
  optional(sequence(literal('.'), repeat(DIGIT, 1, 17))),
  optional(
    sequence(set([0x45, 0x45], [0x65, 0x65]), optional(set([0x2b, 0x2b], [0x2d, 0x2d])), repeat(DIGIT, 1, 2)),
  ),
)

export interface Bounds {
  readonly low: number | undefined
  readonly lowExclusive: boolean
  readonly high: number | undefined
  readonly highExclusive: boolean
}

/** Integers within the bounds, which are integers of at most 15 digits or beyond; undefined when there is none. */
export function boundedInteger({ low, lowExclusive, high, highExclusive }: Bounds): GrammarNode | undefined {
  const [min, max] = integerLimits({ low, lowExclusive, high, highExclusive })
  if (min > max) return undefined
  const items: GrammarNode[] = []
  if (min < 0) items.push(sequence(literal('-'), magnitudes(Math.max(1, -max), -min)))
  if (max >= 0) items.push(magnitudes(Math.max(0, min), max))
  return choice(items)
}

/** The least and the greatest integer within the bounds. */
export function integerLimits({ low, lowExclusive, high, highExclusive }: Bounds): [number, number] {
  const least = low === undefined ? -LARGEST : Math.ceil(low)
  const most = high === undefined ? LARGEST : Math.floor(high)
  const min = lowExclusive && least === low ? least + 1 : least
  const max = highExclusive && most === high ? most - 1 : most
  return [Math.max(min, -LARGEST), Math.min(max, LARGEST)]
}

/** Integers from `min` to `max`, both included and not negative. */
function magnitudes(min: number, max: number): GrammarNode {
  const items: GrammarNode[] = []
  for (let from = min; from <= max; ) {
    const length = String(from).length
    const to = Math.min(max, 10 ** length - 1)
    items.push(sameLength(String(from), String(to)))
    from = to + 1
  }
  return choice(items)
}

/** Digit strings from `low` to `high`, all of the same length. */
function sameLength(low: string, high: string): GrammarNode {
  if (low === high) return low === '' ? EMPTY : literal(low)
  const length = low.length
  if (/^0*$/.test(low) && /^9*$/.test(high)) return repeat(DIGIT, length, length)
  const [first, last] = [Number(low[0]), Number(high[0])]
  if (first === last) return sequence(literal(String(first)), sameLength(low.slice(1), high.slice(1)))
  const items: GrammarNode[] = []
  const wholeLow = /^0*$/.test(low.slice(1))
  const wholeHigh = /^9*$/.test(high.slice(1))
  if (!wholeLow)
    items.push(sequence(literal(String(first)), sameLength(low.slice(1), '9'.repeat(length - 1))))
  const [from, to] = [wholeLow ? first : first + 1, wholeHigh ? last : last - 1]
  if (from <= to) items.push(sequence(digits(from, to), repeat(DIGIT, length - 1, length - 1)))
  if (!wholeHigh)
    items.push(sequence(literal(String(last)), sameLength('0'.repeat(length - 1), high.slice(1))))
  return choice(items)
}

function digits(from: number, to: number): GrammarNode {
  return set([0x30 + from, 0x30 + to])
}

/** A decimal that is not negative, as its digits. */
interface Decimal {
  readonly whole: number
  /** Without trailing zeros. */
  readonly fraction: string
}

/** Decimals without exponent within the bounds; undefined when there is none, 'inexact' for bounds that have an exponent. */
export function boundedNumber(bounds: Bounds): GrammarNode | undefined | 'inexact' {
  const { low = -LARGEST, lowExclusive, high = LARGEST, highExclusive } = bounds
  if (low > high || low > LARGEST || high < -LARGEST) return undefined
  const items: (GrammarNode | undefined | 'inexact')[] = []
  if (low < 0) {
    const nearest = high < 0 ? -high : 0
    const exclusive = high < 0 ? highExclusive : true
    items.push(positive(nearest, exclusive, -low, lowExclusive))
  }
  const negative = items[0]
  if (negative === 'inexact') return 'inexact'
  const nodes = negative === undefined ? [] : [sequence(literal('-'), negative)]
  if (high >= 0) {
    const node = positive(Math.max(0, low), low >= 0 && lowExclusive, high, highExclusive)
    if (node === 'inexact') return 'inexact'
    if (node !== undefined) nodes.push(node)
  }
  return nodes.length === 0 ? undefined : choice(nodes)
}

function positive(
  low: number,
  lowExclusive: boolean,
  high: number,
  highExclusive: boolean,
): GrammarNode | undefined | 'inexact' {
  const [from, to] = [decimal(low), decimal(high)]
  if (from === undefined || to === undefined) return 'inexact'
  const fromEdge = { digits: from.fraction, exclusive: lowExclusive }
  const toEdge = { digits: to.fraction, exclusive: highExclusive }
  if (from.whole > to.whole) return undefined
  if (from.whole === to.whole) return withFraction(literal(String(from.whole)), fractions(fromEdge, toEdge))
  const items = [
    withFraction(literal(String(from.whole)), fractions(fromEdge, undefined)),
    from.whole + 1 <= to.whole - 1
      ? withFraction(
          magnitudes(from.whole + 1, to.whole - 1),
          fractions({ digits: '', exclusive: false }, undefined),
        )
      : undefined,
    withFraction(literal(String(to.whole)), fractions({ digits: '', exclusive: false }, toEdge)),
  ].filter((item) => item !== undefined)
  return items.length === 0 ? undefined : choice(items)
}

function decimal(value: number): Decimal | undefined {
  if (value > LARGEST) return { whole: LARGEST, fraction: '' }
  const found = /^(\d+)(?:\.(\d+))?$/.exec(String(value))
  if (found === null) return undefined
  const fraction = found[2] ?? ''
  return fraction.length > FRACTION_DIGITS - 2 ? undefined : { whole: Number(found[1]), fraction }
}

interface Edge {
  readonly digits: string
  readonly exclusive: boolean
}

/** Digits behind a point. */
interface Fractions {
  /** Whether none at all is within the bounds. */
  readonly none: boolean
  /** One digit or more; undefined when no such are within the bounds. */
  readonly some: GrammarNode | undefined
}

function withFraction(whole: GrammarNode, { none, some }: Fractions): GrammarNode | undefined {
  if (some === undefined) return none ? whole : undefined
  const point = sequence(literal('.'), some)
  return sequence(whole, none ? optional(point) : point)
}

/** Fractions from `low` up to `high`; without `high`, up to the next whole number. */
function fractions(low: Edge, high: Edge | undefined, room = FRACTION_DIGITS): Fractions {
  const none =
    low.digits === '' && !low.exclusive && (high === undefined || high.digits !== '' || !high.exclusive)
  if (room === 0) return { none, some: undefined }
  if (high === undefined && low.digits === '') return { none, some: tail(low.exclusive, room) }
  if (high?.digits === '') {
    const zeros = low.digits === '' && !low.exclusive && !high.exclusive
    return { none, some: zeros ? repeat(ZERO, 1, room) : undefined }
  }
  const first = Number(low.digits[0] ?? 0)
  const last = high === undefined ? 9 : Number(high.digits[0])
  const items: GrammarNode[] = []
  const add = (from: number, to: number, rest: Fractions): void => {
    if (from > to || (rest.some === undefined && !rest.none)) return
    const more = rest.some === undefined ? EMPTY : rest.none ? optional(rest.some) : rest.some
    items.push(sequence(digits(from, to), more))
  }
  const lowRest = { ...low, digits: low.digits.slice(1) }
  const highRest = high && { ...high, digits: high.digits.slice(1) }
  const free = { digits: '', exclusive: false }
  if (first === last) add(first, first, fractions(lowRest, highRest, room - 1))
  else if (first < last) {
    add(first, first, fractions(lowRest, undefined, room - 1))
    add(first + 1, high === undefined ? 9 : last - 1, fractions(free, undefined, room - 1))
    if (high !== undefined) add(last, last, fractions(free, highRest, room - 1))
  }
  return { none, some: items.length === 0 ? undefined : choice(items) }
}

/** Any digits, at most `room`; at least one of them not zero when the edge itself is excluded. */
function tail(exclusive: boolean, room: number): GrammarNode | undefined {
  if (!exclusive) return repeat(DIGIT, 1, room)
  const half = Math.floor((room - 1) / 2)
  return sequence(repeat(ZERO, 0, half), NON_ZERO, repeat(DIGIT, 0, room - 1 - half))
}
