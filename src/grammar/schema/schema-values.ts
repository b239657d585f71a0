import { GrammarError } from '../gbnf/grammar-error.ts'
import type { GrammarNode } from '../gbnf/node.ts'
import { oneOfTexts } from './json-string.ts'
import {
  isAnnotation,
  isWithin,
  join,
  namedTypes,
  type SchemaObject,
  typeOfValue,
} from './schema-keywords.ts'

/** Keywords that may stand beside listed values: `type` is applied to them. */
const BESIDE = ['type', 'enum', 'const']

/** The grammar of one of the listed values. @throws GrammarError */
export function valuesNode(
  schema: SchemaObject,
  values: readonly unknown[],
  path: string,
  write: (value: unknown) => string,
): GrammarNode {
  const other = Object.keys(schema).find((name) => !isAnnotation(name) && !BESIDE.includes(name))
  if (other !== undefined)
    throw new GrammarError("it cannot be honoured beside 'enum' or 'const'", join(path, other))
  if (schema['enum'] !== undefined && Object.hasOwn(schema, 'const'))
    throw new GrammarError("it cannot be honoured beside 'const'", join(path, 'enum'))
  const types = namedTypes(schema)
  const possible = values.filter((value) => types?.some((type) => isWithin(typeOfValue(value), type)) ?? true)
  if (possible.length === 0) throw new GrammarError("no listed value is of the 'type'", path)
  const texts = possible.map((value) => {
    try {
      return write(value)
    } catch (error) {
      throw error instanceof GrammarError ? new GrammarError(error.message, path) : error
    }
  })
  return oneOfTexts([...new Set(texts)])
}
