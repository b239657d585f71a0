import type { ReasoningTags } from '../../text/scan/reasoning.ts'
import { choice, type Grammar, type GrammarNode, literal, optional, rule, sequence } from '../gbnf/node.ts'
import { textUntil } from './free-text.ts'

const THOUGHT = 'thought'

export interface Thought extends ReasoningTags {
  /** Whether the prompt has opened the thought; else the model may open it, before anything else. */
  readonly opened: boolean
}

/** Grammar of an answer, with the text that the model's format puts before it. */
export interface Answer {
  readonly grammar: Grammar
  readonly lead?: string | undefined
}

/** One of these answers, behind any thought up to its closing tag, where there is one. */
export function withBeginning(answers: readonly Answer[], thought: Thought | undefined): Grammar {
  const rules = new Map<string, GrammarNode>()
  const wanted = answers.map(({ grammar, lead }, index) => {
    // None of its rules is called as one of another, or as those here.
    const renamed = (name: string): string => `answer${index}-${name}`
    for (const [name, node] of grammar) rules.set(renamed(name), rename(node, renamed))
    const root = rule(renamed('root'))
    return lead === undefined ? root : sequence(literal(lead), root)
  })
  const answer = choice(wanted)
  rules.set('root', thought === undefined ? answer : behind(thought, answer, rules))
  return rules
}

function behind(
  { open, close, opened }: Thought,
  answer: GrammarNode,
  rules: Map<string, GrammarNode>,
): GrammarNode {
  // Templates put none, one or two line ends there.
  const next = sequence(optional(sequence(literal('\n'), optional(literal('\n')))), answer)
  const thought = textUntil([{ text: close, next }], rules, THOUGHT, false)
  return opened ? thought : choice([answer, sequence(literal(open), thought)])
}

function rename(node: GrammarNode, renamed: (name: string) => string): GrammarNode {
  switch (node.type) {
    case 'rule':
      return rule(renamed(node.name))
    case 'sequence':
    case 'choice':
      return { ...node, items: node.items.map((item) => rename(item, renamed)) }
    case 'repeat':
      return { ...node, item: rename(node.item, renamed) }
    default:
      return node
  }
}
