/** Code points, both ends included. */
export type CodeRange = readonly [low: number, high: number]

/** A grammar's right-hand side. Immutable, and shared freely between rules. */
export type GrammarNode =
  | { readonly type: 'literal'; readonly text: string }
  /** One character out of ascending, disjoint ranges. */
  | { readonly type: 'set'; readonly ranges: readonly CodeRange[] }
  | { readonly type: 'sequence'; readonly items: readonly GrammarNode[] }
  | { readonly type: 'choice'; readonly items: readonly GrammarNode[] }
  /** `max` undefined: any number of times. */
  | {
      readonly type: 'repeat'
      readonly item: GrammarNode
      readonly min: number
      readonly max: number | undefined
    }
  | { readonly type: 'rule'; readonly name: string }

/** Rules by name; a text matches when it is derived from `root`. */
export type Grammar = ReadonlyMap<string, GrammarNode>

/** Matches nothing but the empty text. */
export const EMPTY: GrammarNode = { type: 'literal', text: '' }
export const DIGIT = set([0x30, 0x39])

export function literal(text: string): GrammarNode {
  return { type: 'literal', text }
}

/** One character, or the first of several, as a range. */
export function rangeOf(char: string): CodeRange {
  const code = char.codePointAt(0) ?? 0
  return [code, code]
}

/** One character out of ranges in any order; ranges that touch become one. */
export function set(...ranges: CodeRange[]): GrammarNode {
  return { type: 'set', ranges: joinRanges(ranges) }
}

export function sequence(...items: GrammarNode[]): GrammarNode {
  const flat = items.filter((item) => item !== EMPTY)
  const [only] = flat
  if (only === undefined) return EMPTY
  return flat.length === 1 ? only : { type: 'sequence', items: flat }
}

/** One of the items, of which there is at least one. */
export function choice(items: readonly GrammarNode[]): GrammarNode {
  const [only] = items
  if (only === undefined) throw new RangeError('a choice needs an alternative')
  return items.length === 1 ? only : { type: 'choice', items }
}

export function repeat(item: GrammarNode, min: number, max?: number): GrammarNode {
  if (max === 0) return EMPTY
  return min === 1 && max === 1 ? item : { type: 'repeat', item, min, max }
}

/** Form of a repetition that is longer than one may be: rounds of a block, and single ones. */
export interface Blocks {
  readonly block: number
  /** Whole blocks that must come, and single ones behind them. */
  readonly mustCome: readonly [blocks: number, singles: number]
  /** Whole blocks that may come, and single ones behind them; undefined: any number of single ones. */
  readonly mayCome: readonly [blocks: number, singles: number] | undefined
}

/** How repetitions of at most `longest` make up a longer one; undefined where one is enough. */
export function blocksOf(min: number, max: number | undefined, longest: number): Blocks | undefined {
  if (min <= longest && (max ?? 0) <= longest) return undefined
  const more = max === undefined ? 0 : max - min
  const block = Math.max(2, Math.ceil(Math.sqrt(Math.max(min, more))))
  const split = (count: number): [number, number] => [Math.floor(count / block), count % block]
  return { block, mustCome: split(min), mayCome: max === undefined ? undefined : split(more) }
}

export function optional(item: GrammarNode): GrammarNode {
  return item === EMPTY ? EMPTY : repeat(item, 0, 1)
}

export function rule(name: string): GrammarNode {
  return { type: 'rule', name }
}

export function joinRanges(ranges: readonly CodeRange[]): CodeRange[] {
  const joined: [number, number][] = []
  for (const [low, high] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = joined.at(-1)
    if (last !== undefined && low <= last[1] + 1) last[1] = Math.max(last[1], high)
    else joined.push([low, high])
  }
  return joined
}

/** Ranges of the characters that are in `ranges` and not in `excluded`. */
export function withoutRanges(ranges: readonly CodeRange[], excluded: readonly CodeRange[]): CodeRange[] {
  let left = joinRanges(ranges)
  for (const [low, high] of excluded) {
    left = left.flatMap(([from, to]): CodeRange[] => {
      if (high < from || low > to) return [[from, to]]
      const parts: CodeRange[] = []
      if (from < low) parts.push([from, low - 1])
      if (high < to) parts.push([high + 1, to])
      return parts
    })
  }
  return left
}

/** Unicode scalar values from the space on, without DEL and C1: what JSON strings hold unescaped. */
export const UNICODE: readonly CodeRange[] = [
  [0x1, 0xd7ff],
  [0xe000, 0x10ffff],
]
