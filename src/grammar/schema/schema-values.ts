import { GrammarError, NothingError } from '../gbnf/grammar-error.ts'
import type { GrammarNode } from '../gbnf/node.ts'
import { oneOfTexts } from './json-string.ts'
import { isWithin, namedTypes, type SchemaObject, typeOfValue } from './schema-keywords.ts'

/** The grammar of one of the listed values, those of the `type`. @throws GrammarError */
export function valuesNode(
  schema: SchemaObject,
  values: readonly unknown[],
  path: string,
  write: (value: unknown) => string,
): GrammarNode {
  const types = namedTypes(schema)
  const possible = values.filter((value) => types?.some((type) => isWithin(typeOfValue(value), type)) ?? true)
  if (possible.length === 0) throw new NothingError("no listed value is of the 'type'", path)
  const texts = possible.map((value) => {
    try {
      return write(value)
    } catch (error) {
      throw error instanceof GrammarError ? new GrammarError(error.message, path) : error
    }
  })
  return oneOfTexts([...new Set(texts)])
}
