import type { ReasoningTags } from '../../text/scan/reasoning.ts'
import type { CallNotation, OfferedTools } from '../../text/tool-formats/tool-format.ts'
import { GrammarError } from '../gbnf/grammar-error.ts'
import {
  DIGIT,
  EMPTY,
  type Grammar,
  type GrammarNode,
  literal,
  repeat,
  rule,
  sequence,
} from '../gbnf/node.ts'
import { type Branch, textTree } from '../gbnf/text-tree.ts'
import { SchemaRules } from '../schema/json-schema.ts'
import { PYTHON_STYLE } from '../schema/value-style.ts'
import { argumentsNode } from './call-arguments.ts'
import { textUntil } from './free-text.ts'
import { LEAD, leadingCalls } from './leading-calls.ts'

/**
 * The grammar of one call of one of the tools, or several, as the model's format writes them, with arguments of the tool's schema.
 * `some` and `one` are calls and nothing else; `any` is text, and calls after a mark in it, or after an opening at its start.
 * @param thought tags in the text of `any` between which a mark begins no call.
 * @throws GrammarError whose path begins behind `tools`.
 */
export function callGrammar(
  tools: OfferedTools,
  notation: CallNotation,
  wanted: 'one' | 'some' | 'any',
  thought?: ReasoningTags,
): Grammar {
  const { mark, leading, begin = '', numbered, between, end = '', avoid } = notation
  const style = notation.arguments ?? 'json'
  const schemas = new SchemaRules(style === 'keywords' ? PYTHON_STYLE : undefined)
  const number = numbered === undefined ? EMPTY : sequence(repeat(DIGIT, 1, 3), literal(numbered))
  const calls = [...tools].map(([name, parameters], index) => {
    const args = within(`[${index}].function.parameters`, () =>
      argumentsNode(schemas, `args-${index}`, parameters, style),
    )
    return { name, next: sequence(number, args, text(notation.close)) }
  })
  const branches = calls.map(({ name, next }): Branch => ({ text: notation.open(name), next }))
  if (branches.length > 0) schemas.rules.set('call', textTree(branches))
  const more =
    wanted === 'one' || between === undefined ? EMPTY : repeat(sequence(text(between), rule('call')), 0)
  const rest = sequence(more, text(end))
  const thoughts = thought ? [thinking(thought, schemas.rules)] : []
  if (wanted !== 'any') schemas.rules.set('root', sequence(text(begin), rule('call'), rest))
  else if (mark !== undefined) {
    const marked = branches.map((one) => ({ ...one, text: (begin + one.text).slice(mark.length) }))
    const begins = [{ text: mark, next: sequence(textTree(marked), rest) }, ...thoughts]
    schemas.rules.set('root', textUntil(begins, schemas.rules, 'text', true, avoid))
  } else if (leading !== undefined) {
    const openings = calls.map(({ name, next }) => ({
      pieces: leading.opening(name),
      // Where an answer has one call, another beginning may follow it.
      next: sequence(text(leading.rest), next, between === undefined ? rule(LEAD) : rest),
    }))
    schemas.rules.set('root', leadingCalls(openings, leading, thoughts, schemas.rules))
  } else throw new GrammarError("the model's format has no mark that separates calls from text")
  return schemas.rules
}

/** A thought in the text: its opening tag, its content, its closing tag, and the text that goes on. */
function thinking({ open, close }: ReasoningTags, rules: Map<string, GrammarNode>): Branch {
  return {
    text: open,
    next: textUntil([{ text: close, next: rule('root') }], rules, 'thought', true),
  }
}

function text(value: string): GrammarNode {
  return value === '' ? EMPTY : literal(value)
}

/** Runs the compiler of a part, and puts the part's path before that of its error. */
function within<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof GrammarError)) throw error
    throw new GrammarError(error.message, error.path === '' ? path : `${path}.${error.path}`)
  }
}
