import type { GrammarNode } from './node.ts'

export interface Lengths {
  readonly min: number
  readonly max: number
}

/** How many characters a JSON string's content of this grammar (without rules) stands for. An escape is one. */
export function lengthsOf(node: GrammarNode): Lengths {
  switch (node.type) {
    case 'literal':
      return constant([...node.text.replaceAll(/\\./g, ' ')].length)
    case 'set':
      return constant(1)
    case 'rule':
      return { min: 0, max: Number.POSITIVE_INFINITY }
    case 'sequence':
      return node.items
        .map(lengthsOf)
        .reduce((sum, { min, max }) => ({ min: sum.min + min, max: sum.max + max }), constant(0))
    case 'choice': {
      const lengths = node.items.map(lengthsOf)
      return {
        min: Math.min(...lengths.map(({ min }) => min)),
        max: Math.max(...lengths.map(({ max }) => max)),
      }
    }
    case 'repeat': {
      const { min, max } = lengthsOf(node.item)
      const times = node.max ?? Number.POSITIVE_INFINITY
      return { min: min * node.min, max: max === 0 ? 0 : max * times }
    }
  }
}

function constant(length: number): Lengths {
  return { min: length, max: length }
}
