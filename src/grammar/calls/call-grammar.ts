import type { ReasoningTags } from '../../text/scan/reasoning.ts'
import {
  type CallNotation,
  ID,
  type IdStyle,
  type OfferedTools,
} from '../../text/tool-formats/tool-format.ts'
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
  set,
} from '../gbnf/node.ts'
import { type Branch, textTree } from '../gbnf/text-tree.ts'
import { CompileNotes } from '../schema/compile-notes.ts'
import { SchemaRules } from '../schema/json-schema.ts'
import { PYTHON_STYLE } from '../schema/value-style.ts'
import { BARE_STYLE } from './bare-style.ts'
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
  notes = new CompileNotes(),
): Grammar {
  const { mark, leading, begin = '', between, end = '', avoid, ids } = notation
  const text = (value: string): GrammarNode => written(value, ids)
  const style = notation.arguments ?? 'json'
  const styles = { keywords: PYTHON_STYLE, bare: BARE_STYLE }
  const schemas = new SchemaRules(notes, style === 'keywords' || style === 'bare' ? styles[style] : undefined)
  const calls = [...tools].map(([name, parameters], index) => {
    notes.where = `[${index}].function.parameters`
    const args = within(notes.where, () => argumentsNode(schemas, `args-${index}`, parameters, style))
    return { name, next: sequence(args, text(notation.close)) }
  })
  notes.where = ''
  const branches = calls.map(({ name, next }): Branch => ({ text: notation.open(name), next }))
  if (branches.length > 0) schemas.rules.set('call', textTree(branches, text))
  const more =
    wanted === 'one' || between === undefined ? EMPTY : repeat(sequence(text(between), rule('call')), 0)
  const rest = sequence(more, text(end))
  if (wanted !== 'any') schemas.rules.set('root', sequence(text(begin), rule('call'), rest))
  else if (mark !== undefined) {
    const marked = branches.map((one) => ({ ...one, text: (begin + one.text).slice(mark.length) }))
    const call = { text: mark, next: sequence(textTree(marked, text), rest) }
    const inThought = thought?.breaks?.includes(mark) ? [call] : []
    const begins = [call, ...(thought ? [thinking(thought, inThought, schemas.rules)] : [])]
    schemas.rules.set('root', textUntil(begins, schemas.rules, 'text', true, avoid))
  } else if (leading !== undefined) {
    const openings = calls.map(({ name, next }) => ({
      pieces: leading.opening(name),
      // Where an answer has one call, another beginning may follow it.
      next: sequence(text(leading.rest), next, between === undefined ? rule(LEAD) : rest),
    }))
    const thoughts = thought ? [thinking(thought, [], schemas.rules)] : []
    schemas.rules.set('root', leadingCalls(openings, leading, thoughts, schemas.rules))
  } else throw new GrammarError("the model's format has no mark that separates calls from text")
  return schemas.rules
}

/** A thought in the text: its opening tag, its content, its closing tag, and the text that goes on; or what ends it, too. */
function thinking(
  { open, close }: ReasoningTags,
  endings: readonly Branch[],
  rules: Map<string, GrammarNode>,
): Branch {
  const tags = [{ text: close, next: rule('root') }, ...endings]
  return { text: open, next: textUntil(tags, rules, 'thought', true) }
}

const ID_OF: Readonly<Record<IdStyle, GrammarNode>> = {
  number: repeat(DIGIT, 1, 4),
  letters: repeat(set([0x30, 0x39], [0x61, 0x7a]), 10, 10),
}

/** A text of a notation, with the ids in it. */
function written(value: string, ids: IdStyle = 'number'): GrammarNode {
  const parts = value.split(ID).map((part) => (part === '' ? EMPTY : literal(part)))
  return sequence(...parts.flatMap((part, index) => (index === 0 ? [part] : [ID_OF[ids], part])))
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
