import { GrammarError } from '../gbnf/grammar-error.ts'
import { GRAMMAR_LIMITS } from '../gbnf/limits.ts'
import { type CodeRange, joinRanges, UNICODE, withoutRanges } from '../gbnf/node.ts'
import {
  ANY_TEXT,
  both,
  either,
  except,
  inSequence,
  NO_TEXT,
  oneOf,
  type Pattern,
  repeated,
} from './pattern.ts'
import { unicodeProperty } from './unicode-property.ts'

/** A part of a regular expression. `ahead` looks at all of the text that follows; `to` matches that text. */
type Part =
  | Pattern
  | { readonly type: 'ahead'; readonly to: Pattern }
  | { readonly type: 'parts'; readonly items: readonly Part[] }
  | { readonly type: 'branches'; readonly items: readonly Part[] }
  | { readonly type: 'several'; readonly item: Part; readonly min: number; readonly max: number | undefined }

/** Rounds of a repetition with a look-ahead inside, which are written one by one; and of all in a pattern. */
const MAX_ROUNDS_AHEAD = 8
const MAX_ALL_ROUNDS = 1000

const DIGITS: readonly CodeRange[] = [[0x30, 0x39]]
const WORD: readonly CodeRange[] = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
]
const SPACE: readonly CodeRange[] = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
]
const LINE_ENDS: readonly CodeRange[] = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
]
const CLASSES: Readonly<Record<string, readonly CodeRange[]>> = {
  d: DIGITS,
  w: WORD,
  s: SPACE,
  D: withoutRanges(UNICODE, DIGITS),
  W: withoutRanges(UNICODE, WORD),
  S: withoutRanges(UNICODE, SPACE),
}
const CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13 }

/**
 * The texts that a regular expression of ECMAScript matches: literals, `.`, classes, groups, alternatives, quantifiers (lazy ones
 * too), `^` at the start, `$`, look-ahead. Look-behind, back-references and `\\b` are refused.
 * @param where whether a match is the whole text, or may stand anywhere in it, as in JSON Schema.
 * @throws GrammarError
 */
export function parseRegex(pattern: string, where: 'whole' | 'anywhere'): Pattern {
  if (pattern.length > GRAMMAR_LIMITS.patternLength)
    throw new GrammarError(`a pattern has at most ${GRAMMAR_LIMITS.patternLength} characters`)
  try {
    new RegExp(pattern, 'u')
  } catch {
    try {
      new RegExp(pattern)
    } catch {
      throw new GrammarError('it is not a regular expression')
    }
  }
  return new RegexParser(pattern).parse(where === 'whole')
}

class RegexParser {
  readonly #pattern: string
  #at = 0
  #depth = 0
  #rounds = 0

  constructor(pattern: string) {
    this.#pattern = pattern
  }

  parse(whole: boolean): Pattern {
    const node = this.#branches(whole)
    if (this.#at < this.#pattern.length) throw this.#error(`'${this.#peek()}' is not expected`)
    return node
  }

  /** Alternatives of the whole, or of a look-ahead. */
  #branches(whole: boolean, fixed = whole): Pattern {
    const items = [this.#branch(whole, fixed)]
    while (this.#take('|')) items.push(this.#branch(whole, fixed))
    return either(items)
  }

  /** @param fixed it begins where the text does, or where a look-ahead stands. */
  #branch(whole: boolean, fixed: boolean): Pattern {
    const starts = this.#take('^') || fixed
    const body = this.#sequence(starts)
    const rest = this.#endsBranch(body) || whole ? NO_TEXT : ANY_TEXT
    return inSequence(starts ? NO_TEXT : ANY_TEXT, this.#before(body, rest))
  }

  /** Whether `$` is the last of them: it needs no look at what follows. */
  #endsBranch(body: Part): boolean {
    return body.type === 'parts' && body.items.at(-1) === END
  }

  #sequence(starts: boolean): Part {
    const items: Part[] = []
    let first = starts
    while (this.#at < this.#pattern.length && !/[|)]/.test(this.#peek())) {
      if (first && this.#take('^')) continue
      const atom = this.#atom(first)
      first &&= atom.type === 'ahead' && atom !== END
      items.push(this.#quantified(atom))
    }
    return { type: 'parts', items }
  }

  #atom(first: boolean): Part {
    const next = this.#peek()
    if (this.#take('$')) return END
    if (next === '(') return this.#group(first)
    if (next === '[') return oneOf(this.#classRanges())
    if (next === '^') throw this.#error("'^' is supported at the start only")
    if (/[*+?{]/.test(next)) throw this.#error(`'${next}' needs a backslash here`)
    if (this.#take('.')) return oneOf(withoutRanges(UNICODE, LINE_ENDS))
    if (next === '\\') return oneOf(this.#escape(false))
    const code = this.#code()
    return oneOf([[code, code]])
  }

  #group(first: boolean): Part {
    this.#at++
    if (++this.#depth > GRAMMAR_LIMITS.groupDepth) throw this.#error('groups are nested too deeply')
    const inside = this.#ahead(first) ?? this.#captured(first)
    if (!this.#take(')')) throw this.#error("')' is expected")
    this.#depth--
    return inside
  }

  #ahead(first: boolean): Part | undefined {
    if (!this.#take('?=') && !this.#take('?!')) return undefined
    const isNegative = this.#pattern[this.#at - 1] === '!'
    if (!first && this.#peek() === '^') throw this.#error("'^' is supported at the start only")
    const to = this.#branches(false, true)
    return { type: 'ahead', to: isNegative ? except(to) : to }
  }

  #captured(first: boolean): Part {
    const name = /^\?<[A-Za-z_]\w*>/.exec(this.#pattern.slice(this.#at, this.#at + 64))?.[0]
    if (name !== undefined) this.#at += name.length
    else if (!this.#take('?:') && this.#peek() === '?')
      throw this.#error('look-behind and flags are not supported')
    const items = [this.#sequence(first)]
    while (this.#take('|')) items.push(this.#sequence(first))
    return { type: 'branches', items }
  }

  /** The part, then `rest`: which a look-ahead in it sees, too. */
  #before(part: Part, rest: Pattern): Pattern {
    switch (part.type) {
      case 'ahead':
        if (part === END) return rest === NO_TEXT ? NO_TEXT : both(rest, NO_TEXT)
        return both(part.to, rest)
      case 'parts':
        return part.items.reduceRight<Pattern>((after, item) => this.#before(item, after), rest)
      case 'branches':
        if (!looksAhead(part)) return inSequence(plain(part), rest)
        return either(part.items.map((item) => this.#before(item, rest)))
      case 'several': {
        const { item, min, max } = part
        if (!looksAhead(item)) return inSequence(plain(part), rest)
        if (max === undefined || max > MAX_ROUNDS_AHEAD)
          throw new GrammarError(`a part with a look-ahead is repeated more than ${MAX_ROUNDS_AHEAD} times`)
        let after = rest
        for (let round = max; round > 0; round--) {
          if (++this.#rounds > MAX_ALL_ROUNDS)
            throw new GrammarError('it looks ahead in too many repetitions')
          const more = this.#before(item, after)
          after = round > min ? either([more, rest]) : more
        }
        return after
      }
      default:
        return inSequence(part, rest)
    }
  }

  #quantified(item: Part): Part {
    const rest = this.#pattern.slice(this.#at, this.#at + 24)
    const found = /^(?:[*+?]|\{(\d{1,9})(?:(,)(\d{1,9})?)?\})/.exec(rest)
    if (found === null) {
      if (rest.startsWith('{')) throw this.#error("'{' needs a backslash here")
      return item
    }
    this.#at += found[0].length
    this.#take('?')
    const [whole, least, comma, most] = found
    if (whole === '*') return several(item, 0)
    if (whole === '+') return several(item, 1)
    if (whole === '?') return several(item, 0, 1)
    const min = Number(least)
    const max = comma === undefined ? min : most === undefined ? undefined : Number(most)
    if (min > GRAMMAR_LIMITS.repetitions || (max ?? 0) > GRAMMAR_LIMITS.repetitions)
      throw this.#error(`more than ${GRAMMAR_LIMITS.repetitions} repetitions`)
    return several(item, min, max)
  }

  #classRanges(): readonly CodeRange[] {
    this.#at++
    const negated = this.#take('^')
    const ranges: CodeRange[] = []
    while (!this.#take(']')) {
      const low = this.#classItem()
      const isRange = this.#peek() === '-' && this.#pattern[this.#at + 1] !== ']'
      if (!isRange) {
        ranges.push(...low)
        continue
      }
      this.#at++
      ranges.push([
        single(low, this.#error('a range is between characters')),
        single(this.#classItem(), this.#error('a range is between characters')),
      ])
    }
    return negated ? withoutRanges(UNICODE, ranges) : joinRanges(ranges)
  }

  #classItem(): readonly CodeRange[] {
    if (this.#peek() === '\\') return this.#escape(true)
    const code = this.#code()
    return [[code, code]]
  }

  #escape(inClass: boolean): readonly CodeRange[] {
    this.#at++
    const kind = this.#peek()
    this.#at += kind.length
    const named = Object.hasOwn(CLASSES, kind) ? CLASSES[kind] : undefined
    if (named !== undefined) return named
    if (inClass && kind === 'b') return [[8, 8]]
    if (kind === 'p' || kind === 'P') return this.#property(kind === 'P')
    const control = Object.hasOwn(CONTROLS, kind) ? CONTROLS[kind] : undefined
    const code = control ?? this.#hexEscape(kind)
    if (code !== undefined) return [[code, code]]
    if (/[A-Za-z0-9]/.test(kind) || kind === '') throw this.#error(`'\\${kind}' is not supported`)
    const itself = kind.codePointAt(0) ?? 0
    return [[itself, itself]]
  }

  #property(isNegative: boolean): readonly CodeRange[] {
    const name = /^\{([A-Za-z_=0-9]{1,64})\}/.exec(this.#pattern.slice(this.#at, this.#at + 70))
    if (name?.[1] === undefined) throw this.#error("'\\p' needs a property in braces")
    this.#at += name[0].length
    const ranges = unicodeProperty(name[1])
    if (ranges === undefined) throw this.#error('this property is not known')
    return isNegative ? withoutRanges(UNICODE, ranges) : ranges
  }

  #hexEscape(kind: string): number | undefined {
    const rest = this.#pattern.slice(this.#at, this.#at + 10)
    const found =
      kind === 'x'
        ? /^([0-9A-Fa-f]{2})/.exec(rest)
        : kind === 'u'
          ? (/^([0-9A-Fa-f]{4})/.exec(rest) ?? /^\{([0-9A-Fa-f]{1,6})\}/.exec(rest))
          : null
    if (found?.[1] === undefined) return undefined
    this.#at += found[0].length
    const code = Number.parseInt(found[1], 16)
    if (code >= 0xd800 && code < 0xe000) throw this.#error('half of a surrogate pair')
    return code
  }

  #code(): number {
    const code = this.#pattern.codePointAt(this.#at) ?? 0
    this.#at += code > 0xffff ? 2 : 1
    return code
  }

  #peek(): string {
    const code = this.#pattern.codePointAt(this.#at)
    return code === undefined ? '' : String.fromCodePoint(code)
  }

  #take(text: string): boolean {
    if (!this.#pattern.startsWith(text, this.#at)) return false
    this.#at += text.length
    return true
  }

  #error(message: string): GrammarError {
    return new GrammarError(`at character ${this.#at + 1}: ${message}`)
  }
}

function single(ranges: readonly CodeRange[], otherwise: GrammarError): number {
  const [range] = ranges
  if (ranges.length !== 1 || range === undefined || range[0] !== range[1]) throw otherwise
  return range[0]
}

const END: Part = { type: 'ahead', to: NO_TEXT }

function several(item: Part, min: number, max?: number): Part {
  return { type: 'several', item, min, max }
}

function looksAhead(part: Part): boolean {
  if (part.type === 'ahead') return true
  if (part.type === 'parts' || part.type === 'branches') return part.items.some(looksAhead)
  return part.type === 'several' && looksAhead(part.item)
}

/** A part without look-aheads. */
function plain(part: Part): Pattern {
  switch (part.type) {
    case 'parts':
      return inSequence(...part.items.map(plain))
    case 'branches':
      return either(part.items.map(plain))
    case 'several':
      return repeated(plain(part.item), part.min, part.max)
    case 'ahead':
      throw new Error('a look-ahead is seen where it stands')
    default:
      return part
  }
}
