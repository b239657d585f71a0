import type { CallNotation, OfferedTools } from '../tool-formats/tool-format.ts'
import { textUntil } from './free-text.ts'
import { GrammarError } from './grammar-error.ts'
import { SchemaRules } from './json-schema.ts'
import { EMPTY, type Grammar, type GrammarNode, literal, repeat, rule, sequence } from './node.ts'
import { isObject, type Schema } from './schema-keywords.ts'
import { textTree } from './text-tree.ts'

/**
 * One call of one of the tools, or several, as the model's format writes them, with arguments of the tool's own schema.
 * `some` and `one` are calls and nothing else; `any` is text, and calls once their mark is in it.
 * @throws GrammarError whose path begins behind `tools`.
 */
export function callGrammar(
  tools: OfferedTools,
  notation: CallNotation,
  wanted: 'one' | 'some' | 'any',
): Grammar {
  const schemas = new SchemaRules()
  const branches = [...tools].map(([name, parameters], index) => ({
    text: notation.open(name),
    next: sequence(argumentsOf(schemas, parameters, index), literal(notation.close)),
  }))
  schemas.rules.set('call', textTree(branches))
  const { mark, between } = notation
  const more =
    wanted === 'one' || between === undefined ? EMPTY : repeat(sequence(literal(between), rule('call')), 0)
  const calls = sequence(rule('call'), more)
  if (wanted !== 'any') schemas.rules.set('root', calls)
  else {
    if (mark === undefined)
      throw new GrammarError('nothing tells a call from text in the format of this model')
    const marked = branches.map(({ text, next }) => ({ text: text.slice(mark.length), next }))
    schemas.rules.set(
      'root',
      textUntil([{ text: mark, next: sequence(textTree(marked), more) }], schemas.rules, 'text', true),
    )
  }
  return schemas.rules
}

function argumentsOf(schemas: SchemaRules, parameters: unknown, index: number): GrammarNode {
  // OpenAI: arguments are an object, whatever the schema leaves open.
  const schema =
    isObject(parameters) && parameters['type'] === undefined ? { ...parameters, type: 'object' } : parameters
  try {
    return schemas.add(`args-${index}`, schema as Schema)
  } catch (error) {
    if (!(error instanceof GrammarError)) throw error
    const within = error.path === '' ? '' : `.${error.path}`
    throw new GrammarError(error.message, `[${index}].function.parameters${within}`)
  }
}
