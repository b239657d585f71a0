import { GrammarError } from '../gbnf/grammar-error.ts'
import { type CodeRange, joinRanges, UNICODE, withoutRanges } from '../gbnf/node.ts'
import type { CompileTime } from './compile-time.ts'
import type { Pattern } from './pattern.ts'

/** States of an automaton at most, those before equal ones are joined, and expressions made on the way to them. */
const MAX_STATES = 1500
const MAX_FOUND = 12_000
const MAX_EXPRESSIONS = 25_000
/** Parts of choices and intersections that are put together, all in all. */
const MAX_WORK = 60_000

/** Lists of code points, each of one set. Equal ones are the same object. */
type Borders = readonly (readonly number[])[]

/** Texts that may follow a part of a text. Equal expressions are the same object. */
interface Expression {
  readonly id: number
  /** Whether nothing need follow. */
  readonly nullable: boolean
  /** Code points at which what may follow changes. */
  readonly borders: Borders
  /** Expression of what may follow one more code point. */
  readonly after: (code: number) => Expression
  /** Parts of a choice or of an intersection. */
  readonly parts?: { readonly of: 'any' | 'all'; readonly items: readonly Expression[] }
  /** The first of two in a row, and the second. */
  readonly row?: readonly [Expression, Expression]
  /** The set of characters that it is. */
  readonly set?: readonly CodeRange[]
}

export interface State {
  /** Whether a text may end here. */
  readonly accepts: boolean
  /** Characters that lead on, ascending, and where to. */
  readonly edges: readonly { readonly ranges: readonly CodeRange[]; readonly to: number }[]
}

type Edge = State['edges'][number]

/** An automaton that no text ends in. */
const NOTHING: readonly State[] = [{ accepts: false, edges: [] }]

/**
 * The smallest deterministic automaton of a pattern; the first state is the start, and each leads to an end. Undefined where no
 * text is admitted.
 * @param isWritable whether an edge can be taken: whether the output can hold any of its characters.
 * @throws GrammarError where it would be too large.
 */
export function automatonOf(
  pattern: Pattern,
  isWritable: (edge: Edge) => boolean,
  time: CompileTime,
): readonly State[] | undefined {
  const all = smallest(pattern, time).map(({ accepts, edges }) => ({
    accepts,
    edges: edges.filter(isWritable),
  }))
  const states = withEnd(all)
  if (states === NOTHING) return undefined
  if (states.length > MAX_STATES) throw tooLarge()
  return states
}

/** States of the pattern's automaton. @throws GrammarError where it would be too large. */
export function sizeOf(pattern: Pattern, time: CompileTime): number {
  return smallest(pattern, time).length
}

/** Parts of an intersection each by itself, then together: that is cheaper than the derivatives of the whole. */
function smallest(pattern: Pattern, time: CompileTime): readonly State[] {
  if (pattern.type === 'all') {
    const parts = flat(pattern.items)
      .map((item) => smallest(item, time))
      .sort((a, b) => a.length - b.length)
    return parts.reduce((all, part) => joinEqual(withEnd(product(all, part, time)), time))
  }
  if (pattern.type === 'not') return joinEqual(withEnd(complement(smallest(pattern.item, time))), time)
  return joinEqual(withEnd(derived(pattern, time)), time)
}

/** Intersections inside an intersection are parts of it. */
function flat(items: readonly Pattern[]): readonly Pattern[] {
  return items.flatMap((item) => (item.type === 'all' ? flat(item.items) : [item]))
}

/** By derivatives. */
function derived(pattern: Pattern, time: CompileTime): readonly State[] {
  const expressions = new Expressions(time)
  const start = expressions.of(pattern)
  const look = (from: Expression) => ({
    accepts: from.nullable,
    edges: expressions.classesBetween(from.borders).flatMap(({ code, ranges }) => {
      const to = from.after(code)
      return to === expressions.none ? [] : [{ ranges, to }]
    }),
  })
  return explored(start, look, time)
}

/** Intersection of two automata. */
function product(a: readonly State[], b: readonly State[], time: CompileTime): readonly State[] {
  const look = (pair: number) => {
    const [one, other] = [a[Math.floor(pair / b.length)], b[pair % b.length]]
    if (one === undefined || other === undefined) throw new Error('a state leads to none')
    return {
      accepts: one.accepts && other.accepts,
      edges: one.edges.flatMap((first) =>
        other.edges.flatMap((second) => {
          const ranges = common(first.ranges, second.ranges)
          return ranges.length === 0 ? [] : [{ ranges, to: first.to * b.length + second.to }]
        }),
      ),
    }
  }
  return explored(0, look, time)
}

function complement(states: readonly State[]): readonly State[] {
  const anything = states.length
  const all = states.map(({ accepts, edges }) => {
    const others = withoutRanges(
      UNICODE,
      edges.flatMap(({ ranges }) => ranges),
    )
    const rest = others.length === 0 ? [] : [{ ranges: others, to: anything }]
    return { accepts: !accepts, edges: [...edges, ...rest] }
  })
  return [...all, { accepts: true, edges: [{ ranges: UNICODE, to: anything }] }]
}

/** Numbers what can be reached from a start. @throws GrammarError */
function explored<From>(
  start: From,
  look: (from: From) => {
    readonly accepts: boolean
    readonly edges: readonly { readonly ranges: readonly CodeRange[]; readonly to: From }[]
  },
  time: CompileTime,
): readonly State[] {
  const numbers = new Map<From, number>([[start, 0]])
  const found = [start]
  const states: State[] = []
  for (let at = 0; at < found.length; at++) {
    time.check()
    const { accepts, edges } = look(found[at] as From)
    const byTarget = new Map<number, (readonly CodeRange[])[]>()
    for (const { ranges, to } of edges) {
      let number = numbers.get(to)
      if (number === undefined) {
        if (found.length === MAX_FOUND) throw tooLarge()
        number = found.push(to) - 1
        numbers.set(to, number)
      }
      const others = byTarget.get(number)
      if (others === undefined) byTarget.set(number, [ranges])
      else others.push(ranges)
    }
    states.push({
      accepts,
      edges: [...byTarget].map(([to, all]) => ({ to, ranges: joined(all) })),
    })
  }
  return states
}

/** Ranges that are joined already stay the same object. */
function joined(all: readonly (readonly CodeRange[])[]): readonly CodeRange[] {
  const [only] = all
  return only !== undefined && all.length === 1 ? only : joinRanges(all.flat())
}

/** The ranges that are in both, which ascend. */
function common(a: readonly CodeRange[], b: readonly CodeRange[]): CodeRange[] {
  const both: CodeRange[] = []
  for (let at = 0, other = 0; at < a.length && other < b.length; ) {
    const [one, two] = [a[at] as CodeRange, b[other] as CodeRange]
    const [low, high] = [Math.max(one[0], two[0]), Math.min(one[1], two[1])]
    if (low <= high) both.push([low, high])
    if (one[1] < two[1]) at++
    else other++
  }
  return both
}

/** The states from which a text can come to an end. */
function withEnd(states: readonly State[]): readonly State[] {
  const from = states.map((): number[] => [])
  for (const [at, { edges }] of states.entries()) for (const { to } of edges) from[to]?.push(at)
  const todo = states.flatMap(({ accepts }, at) => (accepts ? [at] : []))
  const useful = new Set(todo)
  for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
    for (const before of from[at] ?? []) {
      if (useful.has(before)) continue
      useful.add(before)
      todo.push(before)
    }
  }
  if (!useful.has(0)) return NOTHING
  const kept = [...useful].sort((a, b) => a - b)
  const numbers = new Map(kept.map((at, number) => [at, number]))
  return kept.map((at) => {
    const { accepts = false, edges = [] } = states[at] ?? {}
    const on = edges.flatMap(({ ranges, to }) => {
      const number = numbers.get(to)
      return number === undefined ? [] : [{ ranges, to: number }]
    })
    return { accepts, edges: on }
  })
}

/**
 * Joins states behind which the same texts may come. Groups of states are split until members of one lead to the same groups; only
 * states that lead to one that has moved are looked at again.
 */
function joinEqual(states: readonly State[], time: CompileTime): readonly State[] {
  const names = new RangeNames()
  const groups = states.map(({ accepts }) => Number(accepts))
  const sizes = [0, 0]
  for (const group of groups) sizes[group] = (sizes[group] ?? 0) + 1
  const from = states.map((): number[] => [])
  for (const [at, { edges }] of states.entries()) for (const { to } of edges) from[to]?.push(at)
  let todo: Iterable<number> = states.keys()
  for (let moved = [0]; moved.length > 0; todo = new Set(moved.flatMap((at) => from[at] ?? []))) {
    time.check()
    moved = []
    for (const [group, parts] of partsByGroup(todo, states, groups, names)) {
      const ordered = [...parts.values()].sort((a, b) => b.length - a.length)
      const looked = ordered.reduce((sum, { length }) => sum + length, 0)
      // Those that were not looked at stay; where there are none, the most do.
      for (const part of looked === sizes[group] ? ordered.slice(1) : ordered) {
        for (const at of part) groups[at] = sizes.length
        sizes[group] = (sizes[group] ?? 0) - part.length
        sizes.push(part.length)
        moved.push(...part)
      }
    }
  }
  const numbers = new Map<number, number>()
  for (const group of groups) if (!numbers.has(group)) numbers.set(group, numbers.size)
  const numbered = groups.map((group) => numbers.get(group) ?? 0)
  const left: State[] = []
  for (const [at, { accepts, edges }] of states.entries())
    left[numbered[at] ?? 0] ??= { accepts, edges: byGroup(edges, numbered) }
  return left
}

/** Numbers of lists of ranges: equal ones have the same. */
class RangeNames {
  readonly #known = new Map<readonly CodeRange[], number>()
  readonly #numbers = new Map<string, number>()

  of(ranges: readonly CodeRange[]): number {
    const known = this.#known.get(ranges)
    if (known !== undefined) return known
    const text = ranges.join(';')
    const number = this.#numbers.get(text) ?? this.#numbers.size
    this.#numbers.set(text, number)
    this.#known.set(ranges, number)
    return number
  }
}

/** The states of each group, by where they lead. */
function partsByGroup(
  some: Iterable<number>,
  states: readonly State[],
  groups: readonly number[],
  names: RangeNames,
): Map<number, Map<string, number[]>> {
  const parts = new Map<number, Map<string, number[]>>()
  for (const at of some) {
    const group = groups[at] ?? 0
    const all = parts.get(group) ?? new Map<string, number[]>()
    parts.set(group, all)
    const leads = byGroup(states[at]?.edges ?? [], groups)
    const name = leads.map(({ ranges, to }) => `${to}:${names.of(ranges)}`).join(' ')
    const same = all.get(name)
    if (same === undefined) all.set(name, [at])
    else same.push(at)
  }
  return parts
}

/** Edges by the group that they lead to, in the order of the groups. */
function byGroup(edges: State['edges'], groups: readonly number[]): State['edges'] {
  const byNumber = new Map<number, readonly CodeRange[]>()
  for (const { ranges, to } of edges) {
    const group = groups[to] ?? 0
    const before = byNumber.get(group)
    byNumber.set(group, before === undefined ? ranges : joinRanges([...before, ...ranges]))
  }
  return [...byNumber].sort(([a], [b]) => a - b).map(([to, ranges]) => ({ to, ranges }))
}

/** Reports which texts a pattern matches. */
export class TextMatcher {
  readonly #pattern: Pattern
  readonly #time: CompileTime
  #expressions: Expressions

  constructor(pattern: Pattern, time: CompileTime) {
    this.#pattern = pattern
    this.#time = time
    this.#expressions = new Expressions(time)
  }

  /** @throws GrammarError where that takes too much. */
  matches(text: string): boolean {
    this.#time.check()
    // The limits are those of one text.
    if (this.#expressions.isHalfFull) this.#expressions = new Expressions(this.#time)
    let expression = this.#expressions.of(this.#pattern)
    for (const char of text) expression = expression.after(char.codePointAt(0) ?? 0)
    return expression.nullable
  }
}

/** Ranges of characters, each from one border to the next. */
function intervals(borders: readonly number[]): CodeRange[] {
  const starts = [...new Set(borders)].sort((a, b) => a - b)
  return UNICODE.flatMap(([low, high]) => {
    const inside = [low, ...starts.filter((at) => at > low && at <= high)]
    return inside.map((from, index): CodeRange => [from, (inside[index + 1] ?? high + 1) - 1])
  })
}

/** Characters after which the same may follow, and one of them. */
interface CharacterClass {
  readonly code: number
  readonly ranges: readonly CodeRange[]
}

class Expressions {
  readonly #time: CompileTime
  /** Sets in the pattern, and characters that it names one by one: characters differ by these alone. */
  readonly #sets = new Set<readonly CodeRange[]>()
  readonly #singles = new Set<number>(Array.from('-.0123456789', (char) => char.charCodeAt(0)))
  readonly #classOf = new Map<number, number>()
  readonly #classes = new Map<string, number>()
  readonly #between = new Map<Borders, readonly CharacterClass[]>()
  readonly #lists = new Map<readonly number[], number>()
  readonly #borders = new Map<string, Borders>()
  readonly #known = new Map<string, Expression>()
  readonly #ofPattern = new Map<Pattern, Expression>()
  #work = 0
  readonly none = this.#make('none', () => ({ nullable: false, borders: [], after: () => this.none }))
  readonly #any = this.#make('any', () => ({ nullable: true, borders: [], after: () => this.#any }))
  readonly #end = this.#make('end', () => ({ nullable: true, borders: [], after: () => this.none }))

  constructor(time: CompileTime) {
    this.#time = time
  }

  get isHalfFull(): boolean {
    return this.#known.size > MAX_EXPRESSIONS / 2 || this.#work > MAX_WORK / 2
  }

  /** Classes of the characters of an expression, by its borders. */
  classesBetween(borders: Borders): readonly CharacterClass[] {
    const known = this.#between.get(borders)
    if (known !== undefined) return known
    const classes = new Map<number, { code: number; ranges: CodeRange[] }>()
    for (const [low, high] of intervals(borders.flat())) {
      const number = this.#class(low)
      const before = classes.get(number)
      if (before === undefined) classes.set(number, { code: low, ranges: [[low, high]] })
      else before.ranges.push([low, high])
    }
    const all = [...classes.values()].map(({ code, ranges }) => ({ code, ranges: joinRanges(ranges) }))
    this.#between.set(borders, all)
    return all
  }

  /** Number of a character's class: a character that is named is one by itself. */
  #class(code: number): number {
    if (this.#singles.has(code)) return code
    const known = this.#classOf.get(code)
    if (known !== undefined) return known
    const key = Array.from(this.#sets, (ranges) => (isIn(ranges, code) ? 1 : 0)).join('')
    const number = this.#classes.get(key) ?? -1 - this.#classes.size
    this.#classes.set(key, number)
    this.#classOf.set(code, number)
    return number
  }

  #bordersOf(lists: Borders): Borders {
    const all = [...new Set(lists)]
    const numbers = all.map((list) => {
      const number = this.#lists.get(list) ?? this.#lists.size
      this.#lists.set(list, number)
      return number
    })
    const key = numbers.sort((a, b) => a - b).join(' ')
    const borders = this.#borders.get(key) ?? all
    this.#borders.set(key, borders)
    return borders
  }

  of(pattern: Pattern): Expression {
    const known = this.#ofPattern.get(pattern) ?? this.#of(pattern)
    this.#ofPattern.set(pattern, known)
    return known
  }

  #of(pattern: Pattern): Expression {
    switch (pattern.type) {
      case 'literal':
        return [...pattern.text].reduceRight<Expression>((rest, char) => {
          const code = char.codePointAt(0) ?? 0
          this.#singles.add(code)
          return this.#row(this.#set([[code, code]]), rest)
        }, this.#end)
      case 'set': {
        const made = this.#set(pattern.ranges)
        if (made.set !== undefined) this.#sets.add(made.set)
        return made
      }
      case 'sequence':
        return pattern.items.reduceRight<Expression>(
          (rest, item) => this.#row(this.of(item), rest),
          this.#end,
        )
      case 'choice':
        return this.#union(pattern.items.map((item) => this.of(item)))
      case 'all':
        return this.#intersection(pattern.items.map((item) => this.of(item)))
      case 'not':
        return this.#not(this.of(pattern.item))
      case 'repeat':
        return this.#repeat(this.of(pattern.item), pattern.min, pattern.max)
      case 'multiple':
        return this.#multiple(pattern.of, pattern.places, 0, undefined)
    }
  }

  #make(key: string, build: () => Omit<Expression, 'id'>): Expression {
    const known = this.#known.get(key)
    if (known !== undefined) return known
    if (this.#known.size === MAX_EXPRESSIONS) throw tooLarge()
    if (this.#known.size % 64 === 63) this.#time.check()
    const { after, ...rest } = build()
    // By the class of the character.
    const followers = new Map<number, Expression>()
    const made: Expression = {
      ...rest,
      id: this.#known.size,
      after: (code) => {
        const number = this.#class(code)
        const follower = followers.get(number) ?? after(code)
        followers.set(number, follower)
        return follower
      },
    }
    this.#known.set(key, made)
    return made
  }

  #set(ranges: readonly CodeRange[]): Expression {
    if (ranges.length === 0) return this.none
    return this.#make(`set ${ranges.join(';')}`, () => ({
      nullable: false,
      borders: this.#bordersOf([ranges.flatMap(([low, high]) => [low, high + 1])]),
      after: (code) => (isIn(ranges, code) ? this.#end : this.none),
      set: ranges,
    }))
  }

  #row(first: Expression, second: Expression): Expression {
    if (first === this.none || second === this.none) return this.none
    if (first === this.#end) return second
    if (second === this.#end) return first
    if (first.row !== undefined) return this.#row(first.row[0], this.#row(first.row[1], second))
    return this.#make(`row ${first.id} ${second.id}`, () => ({
      nullable: first.nullable && second.nullable,
      borders: first.nullable ? this.#bordersOf([...first.borders, ...second.borders]) : first.borders,
      after: (code) => {
        const through = this.#row(first.after(code), second)
        return first.nullable ? this.#union([through, second.after(code)]) : through
      },
      row: [first, second],
    }))
  }

  #union(of: readonly Expression[]): Expression {
    const items = this.#flat(of, 'any').filter((item) => item !== this.none)
    const sets = items.flatMap(({ set }) => set ?? [])
    const others = items.filter(({ set }) => set === undefined)
    const all = items.length - others.length < 2 ? items : [this.#set(joinRanges(sets)), ...others]
    if (all.includes(this.#any)) return this.#any
    return this.#several('any', all, this.none, (item) => item.nullable)
  }

  #intersection(of: readonly Expression[]): Expression {
    const items = this.#flat(of, 'all').filter((item) => item !== this.#any)
    if (items.includes(this.none)) return this.none
    if (items.includes(this.#end)) return items.every(({ nullable }) => nullable) ? this.#end : this.none
    return this.#several('all', items, this.#any, (item) => item.nullable)
  }

  #several(
    of: 'any' | 'all',
    unsorted: readonly Expression[],
    whenEmpty: Expression,
    isNullable: (item: Expression) => boolean,
  ): Expression {
    this.#work += unsorted.length
    if (this.#work > MAX_WORK) throw tooLarge()
    const items = [...new Set(unsorted)].sort((a, b) => a.id - b.id)
    const [only] = items
    if (only === undefined) return whenEmpty
    if (items.length === 1) return only
    return this.#make(`${of} ${items.map(({ id }) => id).join(' ')}`, () => ({
      nullable: of === 'any' ? items.some(isNullable) : items.every(isNullable),
      borders: this.#bordersOf(items.flatMap(({ borders }) => borders)),
      after: (code) => {
        const next = items.map((item) => item.after(code))
        return of === 'any' ? this.#union(next) : this.#intersection(next)
      },
      parts: { of, items },
    }))
  }

  #flat(items: readonly Expression[], of: 'any' | 'all'): Expression[] {
    return items.flatMap((item) => (item.parts?.of === of ? item.parts.items : [item]))
  }

  #not(item: Expression): Expression {
    if (item === this.none) return this.#any
    if (item === this.#any) return this.none
    return this.#make(`not ${item.id}`, () => ({
      nullable: !item.nullable,
      borders: item.borders,
      after: (code) => this.#not(item.after(code)),
    }))
  }

  #repeat(item: Expression, atLeast: number, max: number | undefined): Expression {
    if (max === 0 || item === this.#end) return this.#end
    const min = item.nullable ? 0 : atLeast
    if (min === 1 && max === 1) return item
    return this.#make(`repeat ${item.id} ${min} ${max}`, () => ({
      nullable: min === 0,
      borders: item.borders,
      after: (code) =>
        this.#row(
          item.after(code),
          this.#repeat(item, Math.max(0, min - 1), max === undefined ? undefined : max - 1),
        ),
    }))
  }

  /** @param behind digits behind the point so far; undefined before it. */
  #multiple(of: number, places: number, rest: number, behind: number | undefined): Expression {
    const missing = places - (behind ?? 0)
    return this.#make(`multiple ${of} ${places} ${rest} ${behind}`, () => ({
      nullable: behind !== 0 && (rest * 10 ** missing) % of === 0,
      borders: this.#bordersOf([[...Array.from('-0123456789:', (char) => char.charCodeAt(0)), 0x2e, 0x2f]]),
      after: (code) => {
        if (code === 0x2d) return this.#multiple(of, places, rest, behind)
        if (code === 0x2e) return behind === undefined ? this.#multiple(of, places, rest, 0) : this.none
        const digit = code - 0x30
        if (digit < 0 || digit > 9) return this.none
        if (behind === undefined) return this.#multiple(of, places, (rest * 10 + digit) % of, undefined)
        if (behind < places) return this.#multiple(of, places, (rest * 10 + digit) % of, behind + 1)
        return digit === 0 ? this.#multiple(of, places, rest, behind) : this.none
      },
    }))
  }
}

/** Whether a character is within ranges, which ascend. */
function isIn(ranges: readonly CodeRange[], code: number): boolean {
  let [from, to] = [0, ranges.length]
  while (from < to) {
    const middle = (from + to) >> 1
    const [low, high] = ranges[middle] as CodeRange
    if (code < low) to = middle
    else if (code > high) from = middle + 1
    else return true
  }
  return false
}

function tooLarge(): GrammarError {
  return new GrammarError('what it admits together with what is beside it is too large to be written out')
}
