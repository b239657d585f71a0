import { checkAmbiguity } from './ambiguity.ts'
import { checkGrammar } from './check.ts'
import { parseGbnf } from './gbnf-parser.ts'
import { writeGbnf } from './gbnf-writer.ts'
import { GrammarError } from './grammar-error.ts'
import { anyJsonObject, compileJsonSchema } from './json-schema.ts'
import { oneOfTexts } from './json-string.ts'
import { GRAMMAR_LIMITS } from './limits.ts'
import type { Grammar } from './node.ts'
import { compileRegex } from './regex.ts'
import { isObject, type Schema } from './schema-keywords.ts'

/** What an output must be. */
export type ConstraintKind = 'json_object' | 'json_schema' | 'regex' | 'choice' | 'gbnf'

export interface Constraint {
  readonly kind: ConstraintKind
  /** A schema or a list of texts as JSON; a regular expression; GBNF; nothing for `json_object`. */
  readonly source: string
}

/**
 * GBNF that llama.cpp can take: written by us whatever the source, checked, and within the limits.
 * @throws GrammarError
 */
export function compileConstraint(constraint: Constraint): string {
  if (constraint.source.length > GRAMMAR_LIMITS.sourceLength)
    throw new GrammarError(`it is longer than ${GRAMMAR_LIMITS.sourceLength} characters`)
  const grammar = grammarOf(constraint)
  checkGrammar(grammar)
  checkAmbiguity(grammar)
  const text = writeGbnf(grammar)
  if (text.length > GRAMMAR_LIMITS.outputLength)
    throw new GrammarError(`it needs more than ${GRAMMAR_LIMITS.outputLength} characters of grammar`)
  return text
}

/** The grammar before it is checked as a whole. @throws GrammarError */
export function grammarOf({ kind, source }: Constraint): Grammar {
  switch (kind) {
    case 'json_object':
      return anyJsonObject()
    case 'json_schema':
      return compileJsonSchema(schemaOf(source))
    case 'regex':
      return new Map([
        ['root', compileRegex(source, { chars: (ranges) => ({ type: 'set', ranges }), unanchored: false })],
      ])
    case 'choice':
      return new Map([['root', oneOfTexts([...new Set(JSON.parse(source) as string[])])]])
    case 'gbnf':
      return parseGbnf(source)
  }
}

function schemaOf(source: string): Schema {
  const schema: unknown = JSON.parse(source)
  if (typeof schema !== 'boolean' && !isObject(schema)) throw new GrammarError('a schema is an object')
  checkDepth(schema)
  return schema
}

/** Of all values, those in `const` and `default` too: what comes later may recurse. */
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
