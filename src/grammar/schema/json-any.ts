import { GRAMMAR_LIMITS } from '../gbnf/limits.ts'
import { choice, type GrammarNode, literal, optional, repeat, rule, sequence } from '../gbnf/node.ts'
import { CompileTime } from './compile-time.ts'
import { INTEGER, NUMBER } from './json-number.ts'
import { quotedString } from './json-string.ts'
import { JSON_STYLE, type ValueStyle } from './value-style.ts'

const SPACE = optional(literal(' '))
export const COMMA: GrammarNode = sequence(literal(','), SPACE)
export const COLON: GrammarNode = sequence(literal(':'), SPACE)

/** The rules that any JSON grammar refers to, each made at its first use. */
export class JsonRules {
  readonly style: ValueStyle
  readonly rules: Map<string, GrammarNode>
  readonly #once = new Map<string, GrammarNode>()

  constructor(rules: Map<string, GrammarNode>, style: ValueStyle = JSON_STYLE) {
    this.rules = rules
    this.style = style
  }

  char(): GrammarNode {
    return this.#define('char', () => this.style.char)
  }

  string(): GrammarNode {
    return this.#define('string', () => {
      const { strings } = this.style
      if (strings !== undefined) return sequence(literal(strings.mark), strings.text(this.rules))
      return quotedString(repeat(this.char(), 0))
    })
  }

  /** Any key of an object. */
  key(): GrammarNode {
    return this.style.strings?.otherKey(undefined, this.rules, new CompileTime()) ?? this.string()
  }

  number(): GrammarNode {
    return this.#define('number', () => NUMBER)
  }

  integer(): GrammarNode {
    return this.#define('integer', () => INTEGER)
  }

  /** Any JSON value; arrays and objects end at a fixed depth. */
  value(level = 0): GrammarNode {
    return this.#define(`value-${level}`, () => {
      const words = [this.style.true, this.style.false, this.style.null].map(literal)
      const plain = [this.string(), this.number(), ...words]
      if (level === GRAMMAR_LIMITS.anyDepth) return choice(plain)
      return choice([this.object(level), this.array(level), ...plain])
    })
  }

  object(level = 0): GrammarNode {
    return this.#define(`object-${level}`, () => {
      const pair = sequence(this.key(), COLON, this.value(level + 1))
      return bracketed('{', optional(sequence(pair, repeat(sequence(COMMA, pair), 0))), '}')
    })
  }

  array(level = 0): GrammarNode {
    return this.#define(`array-${level}`, () => {
      const item = this.value(level + 1)
      return bracketed('[', optional(sequence(item, repeat(sequence(COMMA, item), 0))), ']')
    })
  }

  /** Returns what `make` makes, as one rule wherever the key is the same. */
  once(key: string, make: () => GrammarNode): GrammarNode {
    const known = this.#once.get(key)
    if (known !== undefined) return known
    const node = make()
    const name = `shared-${this.rules.size}`
    this.rules.set(name, node)
    this.#once.set(key, rule(name))
    return rule(name)
  }

  #define(name: string, make: () => GrammarNode): GrammarNode {
    if (!this.rules.has(name)) {
      // The name is taken before its content is made, which may use it again.
      this.rules.set(name, literal(''))
      this.rules.set(name, make())
    }
    return rule(name)
  }
}

export function bracketed(open: string, content: GrammarNode, close: string): GrammarNode {
  return sequence(literal(open), content, literal(close))
}
