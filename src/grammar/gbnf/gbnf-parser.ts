import { GrammarError } from './grammar-error.ts'
import { GRAMMAR_LIMITS } from './limits.ts'
import {
  type CodeRange,
  choice,
  EMPTY,
  type Grammar,
  type GrammarNode,
  joinRanges,
  literal,
  repeat,
  rule,
  sequence,
  UNICODE,
  withoutRanges,
} from './node.ts'

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  t: '\t',
  r: '\r',
  n: '\n',
  '\\': '\\',
  '"': '"',
  '[': '[',
  ']': ']',
  '-': '-',
}
const HEX_ESCAPES: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 }

/**
 * llama.cpp's GBNF, without its token elements (`<...>`): a client names text, not tokens.
 * @throws GrammarError with line and column.
 */
export function parseGbnf(source: string): Grammar {
  return new GbnfParser(source).parse()
}

class GbnfParser {
  readonly #source: string
  #at = 0
  #depth = 0

  constructor(source: string) {
    this.#source = source
  }

  parse(): Grammar {
    const rules = new Map<string, GrammarNode>()
    this.#space(true)
    while (this.#at < this.#source.length) {
      const name = this.#name()
      this.#space(false)
      if (!this.#take('::=')) throw this.#error("'::=' is expected")
      this.#space(true)
      if (rules.has(name)) throw this.#error(`the rule '${name.slice(0, 64)}' is defined twice`)
      rules.set(name, this.#alternatives(false))
      if (rules.size > GRAMMAR_LIMITS.rules) throw this.#error(`more than ${GRAMMAR_LIMITS.rules} rules`)
      if (this.#at < this.#source.length && !/[\r\n]/.test(this.#peek()))
        throw this.#error('a new line or the end is expected')
      this.#space(true)
    }
    return rules
  }

  #alternatives(nested: boolean): GrammarNode {
    const items = [this.#sequence(nested)]
    while (this.#take('|')) {
      this.#space(true)
      items.push(this.#sequence(nested))
    }
    return choice(items)
  }

  #sequence(nested: boolean): GrammarNode {
    const items: GrammarNode[] = []
    for (let item = this.#item(); item !== undefined; item = this.#item()) {
      this.#space(nested)
      items.push(this.#quantified(item, nested))
    }
    return sequence(...items)
  }

  #item(): GrammarNode | undefined {
    const next = this.#peek()
    if (next === '"') return this.#literal()
    if (next === '[') return this.#set()
    if (next === '(') return this.#group()
    if (this.#take('.')) return { type: 'set', ranges: UNICODE }
    if (/[A-Za-z0-9-]/.test(next)) return rule(this.#name())
    if (next === '<' || next === '!') throw this.#error('token elements are not supported')
    if (/[*+?{]/.test(next)) throw this.#error('there is nothing to repeat')
    return undefined
  }

  #group(): GrammarNode {
    this.#at++
    if (++this.#depth > GRAMMAR_LIMITS.groupDepth)
      throw this.#error(`groups are nested deeper than ${GRAMMAR_LIMITS.groupDepth}`)
    this.#space(true)
    const inner = this.#alternatives(true)
    if (!this.#take(')')) throw this.#error("')' is expected")
    this.#depth--
    return inner
  }

  #literal(): GrammarNode {
    this.#at++
    let text = ''
    while (!this.#take('"')) text += this.#char()
    return text === '' ? EMPTY : literal(text)
  }

  #set(): GrammarNode {
    this.#at++
    const negated = this.#take('^')
    const ranges: CodeRange[] = []
    while (!this.#take(']')) {
      const low = codeOf(this.#char())
      const isRange = this.#peek() === '-' && this.#source[this.#at + 1] !== ']'
      if (isRange) this.#at++
      const high = isRange ? codeOf(this.#char()) : low
      if (high < low) throw this.#error('a range ends before it begins')
      ranges.push([low, high])
    }
    const joined = negated ? withoutRanges(UNICODE, ranges) : joinRanges(ranges)
    if (joined.length === 0) throw this.#error('a set of characters is empty')
    return { type: 'set', ranges: joined }
  }

  #quantified(item: GrammarNode, nested: boolean): GrammarNode {
    let node = item
    for (let bounds = this.#quantifier(nested); bounds !== undefined; bounds = this.#quantifier(nested)) {
      if (item === EMPTY) throw this.#error('there is nothing to repeat')
      if (++this.#depth > GRAMMAR_LIMITS.groupDepth) throw this.#error('too many repetitions in a row')
      node = repeat(node, ...bounds)
      this.#space(nested)
    }
    this.#depth -= countRepeats(node, item)
    return node
  }

  #quantifier(nested: boolean): [number, number | undefined] | undefined {
    if (this.#take('*')) return [0, undefined]
    if (this.#take('+')) return [1, undefined]
    if (this.#take('?')) return [0, 1]
    if (!this.#take('{')) return undefined
    this.#space(nested)
    const min = this.#integer()
    this.#space(nested)
    let max: number | undefined = min
    if (this.#take(',')) {
      this.#space(nested)
      max = /\d/.test(this.#peek()) ? this.#integer() : undefined
      this.#space(nested)
    }
    if (!this.#take('}')) throw this.#error("'}' is expected")
    if (max !== undefined && max < min) throw this.#error('a repetition ends before it begins')
    return [min, max]
  }

  #integer(): number {
    const digits = /^\d{1,9}/.exec(this.#source.slice(this.#at, this.#at + 9))?.[0]
    if (digits === undefined) throw this.#error('a number is expected')
    this.#at += digits.length
    const value = Number(digits)
    if (value > GRAMMAR_LIMITS.repetitions)
      throw this.#error(`more than ${GRAMMAR_LIMITS.repetitions} repetitions`)
    return value
  }

  #char(): string {
    const code = this.#source.codePointAt(this.#at)
    if (code === undefined) throw this.#error('the text ends too early')
    const char = String.fromCodePoint(code)
    this.#at += char.length
    return char === '\\' ? this.#escape() : char
  }

  #escape(): string {
    const kind = this.#source[this.#at++] ?? ''
    const simple = Object.hasOwn(SIMPLE_ESCAPES, kind) ? SIMPLE_ESCAPES[kind] : undefined
    if (simple !== undefined) return simple
    const size = Object.hasOwn(HEX_ESCAPES, kind) ? (HEX_ESCAPES[kind] ?? 0) : 0
    const hex = this.#source.slice(this.#at, this.#at + size)
    if (size === 0 || hex.length !== size || !/^[0-9A-Fa-f]+$/.test(hex))
      throw this.#error('an unknown escape')
    this.#at += size
    const code = Number.parseInt(hex, 16)
    if (code === 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
      throw this.#error('an escape that is not a character')
    return String.fromCodePoint(code)
  }

  #name(): string {
    const start = this.#at
    while (/[A-Za-z0-9-]/.test(this.#peek())) this.#at++
    if (this.#at === start) throw this.#error('a rule name is expected')
    if (this.#at - start > 128) throw this.#error('a rule name is longer than 128 characters')
    return this.#source.slice(start, this.#at)
  }

  #space(newLines: boolean): void {
    for (;;) {
      const next = this.#peek()
      if (next === '#') while (this.#at < this.#source.length && !/[\r\n]/.test(this.#peek())) this.#at++
      else if (next === ' ' || next === '\t' || (newLines && (next === '\n' || next === '\r'))) this.#at++
      else return
    }
  }

  #peek(): string {
    return this.#source[this.#at] ?? ''
  }

  #take(text: string): boolean {
    if (!this.#source.startsWith(text, this.#at)) return false
    this.#at += text.length
    return true
  }

  #error(message: string): GrammarError {
    const before = this.#source.slice(0, this.#at)
    const line = before.split('\n').length
    return new GrammarError(`line ${line}, column ${this.#at - before.lastIndexOf('\n')}: ${message}`)
  }
}

function countRepeats(node: GrammarNode, innermost: GrammarNode): number {
  let count = 0
  for (let at = node; at !== innermost && at.type === 'repeat'; at = at.item) count++
  return count
}

function codeOf(char: string): number {
  return char.codePointAt(0) ?? 0
}
