import type { ReasoningTags } from '../text/scan/reasoning.ts'
import { toolFormatNamed } from '../text/tool-formats/formats.ts'
import { callGrammar } from './calls/call-grammar.ts'
import { type Answer, type Thought, withBeginning } from './calls/thought-first.ts'
import { checkAmbiguity } from './gbnf/ambiguity.ts'
import { checkGrammar } from './gbnf/check.ts'
import { parseGbnf } from './gbnf/gbnf-parser.ts'
import { writeGbnf } from './gbnf/gbnf-writer.ts'
import { GrammarError } from './gbnf/grammar-error.ts'
import { GRAMMAR_LIMITS } from './gbnf/limits.ts'
import type { Grammar, GrammarNode } from './gbnf/node.ts'
import { CompileNotes } from './schema/compile-notes.ts'
import { anyJsonObject, compileJsonSchema } from './schema/json-schema.ts'
import { oneOfTexts } from './schema/json-string.ts'
import { patternGrammar, type Spelling } from './schema/pattern-grammar.ts'
import { parseRegex } from './schema/regex.ts'
import { isObject, type Schema } from './schema/schema-keywords.ts'

/** Kind of a constraint on the output. */
export type ConstraintKind = 'json_object' | 'json_schema' | 'regex' | 'choice' | 'gbnf' | 'calls'

export interface Constraint {
  readonly kind: ConstraintKind
  /** A schema or a list of texts as JSON; a regular expression; GBNF; nothing for `json_object` and `calls`. */
  readonly source: string
  /** Calls: all of the output for kind `calls`, else what it may be instead. */
  readonly calls?: OfferedCalls | undefined
  /** Thought that may come before the output. */
  readonly thought?: Thought | undefined
  /** Text that the model's format puts before an answer that is no call. */
  readonly lead?: string | undefined
}

/** A constraint for a prompt that ends inside a thought, which comes to its end first. */
export function afterThought(constraint: Constraint, thought: Thought): Constraint {
  const { calls } = constraint
  return { ...constraint, thought, calls: calls && { ...calls, thought: undefined } }
}

/** Calls that an output must be, or may be. */
export interface OfferedCalls {
  /** Name of a tool format that has a notation. */
  readonly format: string
  /** Names, with the JSON Schema of the parameters. */
  readonly tools: readonly (readonly [name: string, parameters: unknown])[]
  /** Exactly one, at least one, or any: text, and calls that are held to their schema once they have begun. */
  readonly wanted: 'one' | 'some' | 'any'
  /** Names of tools whose schemas are enforced as far as possible: see loose-calls.ts. Default none. */
  readonly loose?: readonly string[] | undefined
  /** Tags of a thought inside the text, in which nothing counts as a call. */
  readonly thought?: ReasoningTags | undefined
}

/**
 * Compiles a constraint to GBNF that llama.cpp can take: written by us whatever the source, checked, and within the limits.
 * @throws GrammarError
 */
export function compileConstraint(constraint: Constraint, notes = new CompileNotes()): string {
  const { source, thought, lead, calls } = constraint
  if (source.length > GRAMMAR_LIMITS.sourceLength)
    throw new GrammarError(`it is longer than ${GRAMMAR_LIMITS.sourceLength} characters`)
  const own = grammarOf(constraint, notes)
  const wanted: Answer[] = [{ grammar: own, lead }]
  if (calls !== undefined && constraint.kind !== 'calls') wanted.push({ grammar: callsOf(calls, notes) })
  const framed = thought !== undefined || lead !== undefined || wanted.length > 1
  const grammar = framed ? withBeginning(wanted, thought) : own
  checkGrammar(grammar)
  // Other grammars are written so that few ways are open: the search costs three times what all else does.
  if (notes.hasManyWays || constraint.kind === 'gbnf' || constraint.kind === 'regex') checkAmbiguity(grammar)
  const text = writeGbnf(grammar)
  if (text.length > GRAMMAR_LIMITS.outputLength)
    throw new GrammarError(`it needs more than ${GRAMMAR_LIMITS.outputLength} characters of grammar`)
  return text
}

/** The grammar before it is checked as a whole. @throws GrammarError */
export function grammarOf({ kind, source, calls }: Constraint, notes = new CompileNotes()): Grammar {
  switch (kind) {
    case 'json_object':
      return anyJsonObject()
    case 'json_schema':
      return compileJsonSchema(schemaOf(source), notes)
    case 'regex':
      return regexGrammar(source, notes)
    case 'choice':
      return new Map([['root', oneOfTexts([...new Set(JSON.parse(source) as string[])])]])
    case 'gbnf':
      return parseGbnf(source)
    case 'calls':
      if (calls === undefined) throw new GrammarError('there are no calls')
      return callsOf(calls, notes)
  }
}

function regexGrammar(source: string, { time }: CompileNotes): Grammar {
  const rules = new Map<string, GrammarNode>()
  const chars: Spelling['chars'] = (ranges) => ({ type: 'set', ranges })
  rules.set('root', patternGrammar(parseRegex(source, 'whole'), { chars, rules, time }))
  return rules
}

function callsOf({ format, tools, wanted, thought }: OfferedCalls, notes = new CompileNotes()): Grammar {
  const notation = toolFormatNamed(format)?.notation
  if (notation === undefined) throw new GrammarError('calls cannot be forced in the format of this model')
  if (JSON.stringify(tools).length > GRAMMAR_LIMITS.toolsLength)
    throw new GrammarError(`they are longer than ${GRAMMAR_LIMITS.toolsLength} characters`)
  for (const [, parameters] of tools) checkDepth(parameters)
  return callGrammar(new Map(tools), notation, wanted, thought, notes)
}

function schemaOf(source: string): Schema {
  const schema: unknown = JSON.parse(source)
  if (typeof schema !== 'boolean' && !isObject(schema)) throw new GrammarError('a schema must be an object')
  checkDepth(schema)
  return schema
}

/** Checks the nesting of all values, those in `const` and `default` too: later stages may recurse. */
function checkDepth(root: unknown): void {
  let level: unknown[] = [root]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > GRAMMAR_LIMITS.jsonDepth)
      throw new GrammarError(`values are nested deeper than ${GRAMMAR_LIMITS.jsonDepth}`)
    level = level.flatMap((value) =>
      typeof value === 'object' && value !== null ? Object.values(value) : [],
    )
  }
}
