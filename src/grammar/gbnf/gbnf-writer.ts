import { GRAMMAR_LIMITS } from './limits.ts'
import { type Blocks, blocksOf, type Grammar, type GrammarNode } from './node.ts'

/** Writes GBNF as llama.cpp reads it, one rule a line. A repeated part gets a rule of its own, so that repetitions never multiply. */
export function writeGbnf(grammar: Grammar): string {
  return new Writer(grammar).write()
}

class Writer {
  readonly #grammar: Grammar
  readonly #lines: string[] = []
  /** The rule made for a repeated node. */
  readonly #hoisted = new Map<GrammarNode, string>()
  #made = 0

  constructor(grammar: Grammar) {
    this.#grammar = grammar
  }

  write(): string {
    for (const [name, node] of this.#grammar) this.#lines.push(`${name} ::= ${this.#alternatives(node)}`)
    return `${this.#lines.join('\n')}\n`
  }

  #alternatives(node: GrammarNode): string {
    return node.type === 'choice' ? node.items.map((item) => this.#node(item)).join(' | ') : this.#node(node)
  }

  #node(node: GrammarNode): string {
    switch (node.type) {
      case 'literal':
        return `"${[...node.text].map(escapeCode).join('')}"`
      case 'set':
        return `[${node.ranges.map(([low, high]) => rangeText(low, high)).join('')}]`
      case 'rule':
        return node.name
      case 'sequence':
        return node.items.map((item) => this.#node(item)).join(' ')
      case 'choice':
        return `(${this.#alternatives(node)})`
      case 'repeat':
        return this.#repeat(node)
    }
  }

  #repeat(node: Extract<GrammarNode, { type: 'repeat' }>): string {
    const { item, min, max } = node
    const blocks = blocksOf(min, max, GRAMMAR_LIMITS.repetitions)
    if (blocks === undefined) return this.#atom(item) + quantifier(min, max)
    const known = this.#hoisted.get(node)
    if (known !== undefined) return known
    const atom = this.#atom(item)
    const name = this.#define(`${atom}{${blocks.block}}`)
    const whole = this.#define(inBlocks(atom, name, blocks))
    this.#hoisted.set(node, whole)
    return whole
  }

  #define(text: string): string {
    const name = this.#freeName()
    this.#lines.push(`${name} ::= ${text}`)
    return name
  }

  #atom(node: GrammarNode): string {
    if (node.type === 'set' || node.type === 'rule') return this.#node(node)
    if (node.type === 'literal' && [...node.text].length === 1) return this.#node(node)
    const known = this.#hoisted.get(node)
    if (known !== undefined) return known
    const name = this.#define(this.#alternatives(node))
    this.#hoisted.set(node, name)
    return name
  }

  #freeName(): string {
    let name: string
    do name = `part-${this.#made++}`
    while (this.#grammar.has(name))
    return name
  }
}

/** A long repetition, of which at most four ways are open at a time. */
function inBlocks(atom: string, block: string, { block: size, mustCome, mayCome }: Blocks): string {
  const [blocks, singles] = mustCome
  const must = [count(block, blocks), count(atom, singles)]
  if (mayCome === undefined) return [...must, `${atom}*`].filter((part) => part !== '').join(' ')
  const [whole, rest] = mayCome
  const upTo = (name: string, most: number): string => (most === 0 ? '' : name + quantifier(0, most))
  const fewer = `${upTo(block, whole - 1)} ${upTo(atom, size - 1)}`
  const all = `${count(block, whole)} ${upTo(atom, rest)}`
  const may = whole === 0 ? upTo(atom, rest) : `(${fewer} | ${all})`
  return [...must, may].filter((part) => part !== '').join(' ')
}

function count(name: string, times: number): string {
  return times === 0 ? '' : `${name}{${times}}`
}

function quantifier(min: number, max: number | undefined): string {
  if (max === undefined) return min === 0 ? '*' : min === 1 ? '+' : `{${min},}`
  if (min === 0 && max === 1) return '?'
  return min === max ? `{${min}}` : `{${min},${max}}`
}

function rangeText(low: number, high: number): string {
  const [from, to] = [low, high].map((code) => escapeCode(String.fromCodePoint(code)))
  return low === high ? `${from}` : `${from}-${to}`
}

/** A character in GBNF: letters, digits and the space as they are, everything else as a hexadecimal escape. */
function escapeCode(char: string): string {
  if (/^[A-Za-z0-9 ]$/.test(char)) return char
  const code = char.codePointAt(0) ?? 0
  const hex = code.toString(16).toUpperCase()
  if (code < 0x100) return `\\x${hex.padStart(2, '0')}`
  return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
}
