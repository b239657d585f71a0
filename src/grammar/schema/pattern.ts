import { type CodeRange, joinRanges, UNICODE } from '../gbnf/node.ts'

/** A regular language over the characters of a text, whatever the output spells them like. */
export type Pattern =
  | { readonly type: 'literal'; readonly text: string }
  /** One character out of ascending, disjoint ranges. */
  | { readonly type: 'set'; readonly ranges: readonly CodeRange[] }
  | { readonly type: 'sequence'; readonly items: readonly Pattern[] }
  | { readonly type: 'choice'; readonly items: readonly Pattern[] }
  /** `max` undefined: any number of times. */
  | {
      readonly type: 'repeat'
      readonly item: Pattern
      readonly min: number
      readonly max: number | undefined
    }
  /** Texts that all of the items match. */
  | { readonly type: 'all'; readonly items: readonly Pattern[] }
  /** Texts that the item does not match. */
  | { readonly type: 'not'; readonly item: Pattern }
  /** Decimals without exponent that are multiples of `of / 10 ** places`. */
  | { readonly type: 'multiple'; readonly of: number; readonly places: number }

/** Matches nothing but the empty text. */
export const NO_TEXT: Pattern = { type: 'literal', text: '' }
/** Any text. */
export const ANY_TEXT: Pattern = repeated({ type: 'set', ranges: UNICODE }, 0)

export function oneOf(ranges: readonly CodeRange[]): Pattern {
  return { type: 'set', ranges: joinRanges(ranges) }
}

export function inSequence(...items: Pattern[]): Pattern {
  const some = items
    .filter((item) => item !== NO_TEXT)
    .flatMap((item) => (item.type === 'sequence' ? item.items : [item]))
    .filter((item, index, all) => !isWithinAny(item, all[index - 1], all[index + 1]))
  const [only] = some
  if (only === undefined) return NO_TEXT
  return some.length === 1 ? only : { type: 'sequence', items: some }
}

/** Whether an item is any number of some characters, beside any number of any. */
function isWithinAny(item: Pattern, ...neighbours: readonly (Pattern | undefined)[]): boolean {
  if (item.type !== 'repeat' || item.min > 0 || item.max !== undefined || item.item.type !== 'set')
    return false
  return item !== ANY_TEXT && neighbours.includes(ANY_TEXT)
}

/** Matches what one of the items matches; nothing where there are none. */
export function either(items: readonly Pattern[]): Pattern {
  const [only] = items
  return only !== undefined && items.length === 1 ? only : { type: 'choice', items }
}

export function both(...items: Pattern[]): Pattern {
  const [only] = items
  return only !== undefined && items.length === 1 ? only : { type: 'all', items }
}

export function except(item: Pattern): Pattern {
  return { type: 'not', item }
}

export function repeated(item: Pattern, min: number, max?: number): Pattern {
  if (max === 0) return NO_TEXT
  return min === 1 && max === 1 ? item : { type: 'repeat', item, min, max }
}

export function texts(values: readonly string[]): Pattern {
  return either(values.map((text) => ({ type: 'literal', text })))
}

/** Texts of a number of characters. */
export function ofLength(min: number, max: number | undefined): Pattern {
  return repeated({ type: 'set', ranges: UNICODE }, min, max)
}

/**
 * The texts of a sequence with at most so many characters, or nearly all of them: its one part without end gets one. Undefined where
 * there is no one such part.
 */
export function shortened(pattern: Pattern, max: number): { pattern: Pattern; isExact: boolean } | undefined {
  const items = pattern.type === 'sequence' ? pattern.items : [pattern]
  const endless = items.filter((item) => lengthsOf(item).max === Number.POSITIVE_INFINITY)
  const [part] = endless
  if (endless.length !== 1 || part?.type !== 'repeat') return undefined
  const round = lengthsOf(part.item)
  const others = lengthsOf(inSequence(...items.filter((item) => item !== part)))
  const rounds = Math.floor((max - others.max) / round.max)
  if (!(rounds >= part.min)) return undefined
  const bounded = repeated(part.item, part.min, rounds)
  return {
    pattern: inSequence(...items.map((item) => (item === part ? bounded : item))),
    isExact: round.max === 1 && others.min === others.max,
  }
}

/** The pattern with its bounded repetitions cut until no text has more characters; undefined where that is not enough. */
export function cutTo(pattern: Pattern, max: number): Pattern | undefined {
  for (let most = max; most >= 1; most = Math.floor(most / 2)) {
    const cut = withRounds(pattern, most)
    if (lengthsOf(cut).max <= max) return cut
  }
  return undefined
}

/** @param cut parts that are cut already: what follows several look-aheads is one object in many places. */
function withRounds(pattern: Pattern, most: number, cut = new Map<Pattern, Pattern>()): Pattern {
  const before = cut.get(pattern)
  if (before !== undefined) return before
  const inside = (item: Pattern): Pattern => withRounds(item, most, cut)
  const result = (): Pattern => {
    if (pattern.type === 'sequence') return inSequence(...pattern.items.map(inside))
    if (pattern.type === 'choice') return either(pattern.items.map(inside))
    if (pattern.type !== 'repeat' || pattern.max === undefined) return pattern
    const rounds = Math.max(pattern.min, Math.min(pattern.max, most))
    return repeated(inside(pattern.item), pattern.min, rounds)
  }
  const made = result()
  cut.set(pattern, made)
  return made
}

export interface Lengths {
  readonly min: number
  readonly max: number
}

/** Lengths that are known: what follows several look-aheads is one object in many places. */
const known = new WeakMap<Pattern, Lengths>()

/** Bounds of the number of characters: no text is outside of them. */
export function lengthsOf(pattern: Pattern): Lengths {
  const before = known.get(pattern)
  if (before !== undefined) return before
  const lengths = measured(pattern)
  known.set(pattern, lengths)
  return lengths
}

function measured(pattern: Pattern): Lengths {
  switch (pattern.type) {
    case 'literal':
      return constant([...pattern.text].length)
    case 'set':
      return constant(1)
    case 'sequence':
      return pattern.items
        .map(lengthsOf)
        .reduce((sum, { min, max }) => ({ min: sum.min + min, max: sum.max + max }), constant(0))
    case 'choice': {
      const all = pattern.items.map(lengthsOf)
      return { min: Math.min(...all.map(({ min }) => min)), max: Math.max(...all.map(({ max }) => max)) }
    }
    case 'all': {
      const all = pattern.items.map(lengthsOf)
      return { min: Math.max(...all.map(({ min }) => min)), max: Math.min(...all.map(({ max }) => max)) }
    }
    case 'repeat': {
      const { min, max } = lengthsOf(pattern.item)
      const times = pattern.max ?? Number.POSITIVE_INFINITY
      return { min: min * pattern.min, max: max === 0 ? 0 : max * times }
    }
    case 'not':
    case 'multiple':
      return { min: 0, max: Number.POSITIVE_INFINITY }
  }
}

function constant(length: number): Lengths {
  return { min: length, max: length }
}
