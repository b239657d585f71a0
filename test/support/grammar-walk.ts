import type { Grammar, GrammarNode } from '../../src/grammar/gbnf/node.ts'
import type { Random } from './random.ts'

/** Draws texts of a grammar, independently of the matcher. */
export class GrammarWalk {
  readonly #grammar: Grammar
  readonly #below: Random
  /** How deep the shallowest derivation of each rule is. */
  readonly #heights = new Map<string, number>()

  constructor(grammar: Grammar, below: Random) {
    this.#grammar = grammar
    this.#below = below
    for (let changed = true; changed; ) {
      changed = false
      for (const [name, node] of grammar) {
        const height = this.#height(node)
        changed ||= height !== this.#heights.get(name)
        this.#heights.set(name, height)
      }
    }
  }

  text(): string {
    return this.#derive({ type: 'rule', name: 'root' }, 12)
  }

  /** @param depth rules that may still be entered freely; then the shallowest way is taken. */
  #derive(node: GrammarNode, depth: number): string {
    switch (node.type) {
      case 'literal':
        return node.text
      case 'set': {
        const [low, high] = node.ranges[this.#below(node.ranges.length)] ?? [0x3f, 0x3f]
        return String.fromCodePoint(low + this.#below(Math.min(high - low + 1, 200)))
      }
      case 'rule':
        return this.#derive(this.#grammar.get(node.name) as GrammarNode, depth - 1)
      case 'sequence':
        return node.items.map((item) => this.#derive(item, depth)).join('')
      case 'choice': {
        const least = Math.min(...node.items.map((item) => this.#height(item)))
        const items = depth > 0 ? node.items : node.items.filter((item) => this.#height(item) === least)
        return this.#derive(items[this.#below(items.length)] as GrammarNode, depth)
      }
      case 'repeat': {
        const room = Math.min((node.max ?? Number.POSITIVE_INFINITY) - node.min, depth > 0 ? 4 : 0)
        const times = node.min + this.#below(room + 1)
        return Array.from({ length: times }, () => this.#derive(node.item, depth)).join('')
      }
    }
  }

  #height(node: GrammarNode): number {
    switch (node.type) {
      case 'literal':
      case 'set':
        return 0
      case 'rule':
        return 1 + (this.#heights.get(node.name) ?? 1e6)
      case 'sequence':
        return Math.max(0, ...node.items.map((item) => this.#height(item)))
      case 'choice':
        return Math.min(...node.items.map((item) => this.#height(item)))
      case 'repeat':
        return node.min === 0 ? 0 : this.#height(node.item)
    }
  }
}
