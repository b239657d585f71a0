import { GrammarError } from '../gbnf/grammar-error.ts'
import { GRAMMAR_LIMITS } from '../gbnf/limits.ts'
import {
  type CodeRange,
  choice,
  EMPTY,
  type GrammarNode,
  joinRanges,
  repeat,
  sequence,
  UNICODE,
  withoutRanges,
} from '../gbnf/node.ts'

export interface RegexOptions {
  /** One character out of these, as the output spells it; undefined when the output cannot hold any of them. */
  readonly chars: (ranges: readonly CodeRange[]) => GrammarNode | undefined
  /** Whether a match may stand anywhere in the text, as in JSON Schema; else it is the whole text. */
  readonly unanchored: boolean
}

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
 * The texts that a regular expression of ECMAScript matches: literals, `.`, classes, groups, alternatives, quantifiers
 * (lazy ones too), `^` at the start and `$` at the end. Look-around, back-references, `\b` and `\p` are refused.
 * @throws GrammarError
 */
export function compileRegex(pattern: string, options: RegexOptions): GrammarNode {
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
  return new RegexParser(pattern, options).parse()
}

class RegexParser {
  readonly #pattern: string
  readonly #options: RegexOptions
  #at = 0
  #depth = 0

  constructor(pattern: string, options: RegexOptions) {
    this.#pattern = pattern
    this.#options = options
  }

  parse(): GrammarNode {
    const items = [this.#branch()]
    while (this.#take('|')) items.push(this.#branch())
    if (this.#at < this.#pattern.length) throw this.#error(`'${this.#peek()}' is not expected`)
    return choice(items)
  }

  /** An alternative of the whole: the one place where `^` and `$` can stand. */
  #branch(): GrammarNode {
    const anywhere = (): GrammarNode => repeat(this.#chars(UNICODE), 0)
    const start = this.#take('^') || !this.#options.unanchored ? EMPTY : anywhere()
    const body = this.#sequence()
    const end = this.#take('$') || !this.#options.unanchored ? EMPTY : anywhere()
    return sequence(start, body, end)
  }

  #sequence(): GrammarNode {
    const items: GrammarNode[] = []
    while (this.#at < this.#pattern.length && !/[|)$]/.test(this.#peek())) {
      items.push(this.#quantified(this.#atom()))
    }
    return sequence(...items)
  }

  #atom(): GrammarNode {
    const next = this.#peek()
    if (next === '(') return this.#group()
    if (next === '[') return this.#chars(this.#classRanges())
    if (next === '^') throw this.#error("'^' is supported at the start only")
    if (/[*+?{}\]]/.test(next)) throw this.#error(`'${next}' needs a backslash here`)
    if (this.#take('.')) return this.#chars(withoutRanges(UNICODE, LINE_ENDS))
    if (next === '\\') return this.#chars(this.#escape(false))
    const code = this.#code()
    return this.#chars([[code, code]])
  }

  #group(): GrammarNode {
    this.#at++
    if (++this.#depth > GRAMMAR_LIMITS.groupDepth) throw this.#error('groups are nested too deeply')
    const name = /^\?<[A-Za-z_]\w*>/.exec(this.#pattern.slice(this.#at, this.#at + 64))?.[0]
    if (name !== undefined) this.#at += name.length
    else if (!this.#take('?:') && this.#peek() === '?')
      throw this.#error('look-around and flags are not supported')
    const items = [this.#sequence()]
    while (this.#take('|')) items.push(this.#sequence())
    if (this.#peek() === '$') throw this.#error("'$' is supported at the end only")
    if (!this.#take(')')) throw this.#error("')' is expected")
    this.#depth--
    return choice(items)
  }

  #quantified(item: GrammarNode): GrammarNode {
    const rest = this.#pattern.slice(this.#at, this.#at + 24)
    const found = /^(?:[*+?]|\{(\d{1,9})(?:(,)(\d{1,9})?)?\})/.exec(rest)
    if (found === null) {
      if (rest.startsWith('{')) throw this.#error("'{' needs a backslash here")
      return item
    }
    this.#at += found[0].length
    this.#take('?')
    const [whole, least, comma, most] = found
    if (whole === '*') return repeat(item, 0)
    if (whole === '+') return repeat(item, 1)
    if (whole === '?') return repeat(item, 0, 1)
    const min = Number(least)
    const max = comma === undefined ? min : most === undefined ? undefined : Number(most)
    if (min > GRAMMAR_LIMITS.repetitions || (max ?? 0) > GRAMMAR_LIMITS.repetitions)
      throw this.#error(`more than ${GRAMMAR_LIMITS.repetitions} repetitions`)
    return repeat(item, min, max)
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
    const control = Object.hasOwn(CONTROLS, kind) ? CONTROLS[kind] : undefined
    const code = control ?? this.#hexEscape(kind)
    if (code !== undefined) return [[code, code]]
    if (/[A-Za-z0-9]/.test(kind) || kind === '') throw this.#error(`'\\${kind}' is not supported`)
    const itself = kind.codePointAt(0) ?? 0
    return [[itself, itself]]
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

  #chars(ranges: readonly CodeRange[]): GrammarNode {
    const node = this.#options.chars(ranges)
    if (node === undefined) throw this.#error('no character can stand here')
    return node
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
