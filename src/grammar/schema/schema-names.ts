import { GrammarError } from '../gbnf/grammar-error.ts'
import { both, either, type Pattern, texts } from './pattern.ts'
import type { SchemaContext } from './schema-context.ts'
import {
  isAnnotation,
  join,
  listedValues,
  namedTypes,
  type Schema,
  type SchemaObject,
} from './schema-keywords.ts'
import { stringPattern } from './schema-string.ts'

/** Names that properties may have: some that are listed, or those of a pattern; neither: any. */
export interface Names {
  readonly listed?: readonly string[]
  readonly pattern?: Pattern
}

const OF_NAMES = ['type', 'enum', 'const', 'pattern', 'format', 'minLength', 'maxLength', 'anyOf', 'allOf']

/** @throws GrammarError where a schema of names says what cannot be honoured of names. */
export function namesOf(schema: Schema | undefined, path: string, context: SchemaContext): Names {
  if (schema === undefined) return {}
  const flat = context.flat(schema, path)
  if (flat === true) return {}
  if (flat === false) return { listed: [] }
  const stray = Object.keys(flat).find((name) => !isAnnotation(name) && !OF_NAMES.includes(name))
  if (stray !== undefined) throw new GrammarError('it cannot be honoured for names', join(path, stray))
  const types = namedTypes(flat)
  if (types !== undefined && !types.includes('string')) return { listed: [] }
  const pattern = describedBy(flat, path, context)
  const values = listedValues(flat)
  if (values === undefined) return pattern === undefined ? {} : { pattern }
  const listed = values.filter((value) => typeof value === 'string')
  return pattern === undefined ? { listed } : { pattern: both(texts(listed), pattern) }
}

function describedBy(schema: SchemaObject, path: string, context: SchemaContext): Pattern | undefined {
  const { pattern, format, minLength, maxLength, anyOf, allOf } = schema
  const parts: Pattern[] = []
  if ([pattern, format, minLength, maxLength].some((value) => value !== undefined))
    parts.push(stringPattern(schema, path))
  const several = (schemas: unknown, keyword: string): (Pattern | undefined)[] =>
    ((schemas ?? []) as Schema[]).map((one, index) => {
      const names = namesOf(one, join(path, keyword, index), context)
      return names.listed === undefined ? names.pattern : texts(names.listed)
    })
  const patterns = several(anyOf, 'anyOf')
  if (patterns.length > 0 && !patterns.includes(undefined))
    parts.push(either(patterns.filter((one) => one !== undefined)))
  parts.push(...several(allOf, 'allOf').filter((one) => one !== undefined))
  return parts.length === 0 ? undefined : both(...parts)
}
