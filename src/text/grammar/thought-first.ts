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

/**
 * What stands before what the grammar wants: any thought up to its closing tag, and what an answer begins with.
 * Either may be absent.
 */
export function withBeginning(
  grammar: Grammar,
  thought: Thought | undefined,
  lead: string | undefined,
): Grammar {
  const rules = new Map<string, GrammarNode>()
  for (const [name, node] of grammar) rules.set(renamed(name), rename(node))
  const wanted = rule(renamed('root'))
  const answer = lead === undefined ? wanted : sequence(literal(lead), wanted)
  rules.set('root', thought === undefined ? answer : behind(thought, answer, rules))
  return rules
}

function behind(
  { open, close, opened }: Thought,
  answer: GrammarNode,
  rules: Map<string, GrammarNode>,
): GrammarNode {
  const next = sequence(optional(literal('\n\n')), answer)
  const thought = textUntil([{ text: close, next }], rules, THOUGHT, false)
  return opened ? thought : choice([answer, sequence(literal(open), thought)])
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
