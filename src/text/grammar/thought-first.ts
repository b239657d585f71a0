import type { ReasoningTags } from '../reasoning.ts'
import { textUntil } from './free-text.ts'
import { choice, type Grammar, type GrammarNode, literal, optional, rule, sequence } from './node.ts'

/** What the rules of another grammar are called here, so that none of them is called as these are. */
const ANSWER = 'answer'
const THOUGHT = 'thought'

export interface Thought extends ReasoningTags {
  /** Whether the prompt has opened it; else the model may, before anything else. */
  readonly opened: boolean
}

/** Any thought up to its closing tag, and only then what the grammar wants. */
export function thoughtFirst(grammar: Grammar, { open, close, opened }: Thought): Grammar {
  const rules = new Map<string, GrammarNode>()
  for (const [name, node] of grammar) rules.set(renamed(name), rename(node))
  const answer = rule(renamed('root'))
  const behind = sequence(optional(literal('\n\n')), answer)
  const thought = textUntil([{ text: close, next: behind }], rules, THOUGHT, false)
  rules.set('root', opened ? thought : choice([answer, sequence(literal(open), thought)]))
  return rules
}

function renamed(name: string): string {
  return `${ANSWER}-${name}`
}

function rename(node: GrammarNode): GrammarNode {
  switch (node.type) {
    case 'rule':
      return rule(renamed(node.name))
    case 'sequence':
    case 'choice':
      return { ...node, items: node.items.map(rename) }
    case 'repeat':
      return { ...node, item: rename(node.item) }
    default:
      return node
  }
}
