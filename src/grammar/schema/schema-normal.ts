import { GrammarError } from '../gbnf/grammar-error.ts'
import { isObject, join, namedTypes, type SchemaObject, without } from './schema-keywords.ts'

const APPLICATORS = ['$ref', 'allOf', 'anyOf', 'oneOf', 'dependentSchemas']

/**
 * The schema in fewer keywords: what OpenAPI 3.0 and draft 4 write in their own way, and what others say as well.
 * @throws GrammarError
 */
export function normalSchema(schema: SchemaObject, path: string): SchemaObject {
  let normal = schema
  for (const [bound, exclusive] of [
    ['minimum', 'exclusiveMinimum'],
    ['maximum', 'exclusiveMaximum'],
  ] as const) {
    const excluded = normal[exclusive]
    if (typeof excluded !== 'boolean') continue
    const limit = normal[bound]
    normal = without(normal, exclusive, ...(excluded ? [bound] : []))
    if (excluded && limit !== undefined) normal = { ...normal, [exclusive]: limit }
  }
  if (normal['nullable'] !== undefined) {
    const types = normal['nullable'] === true ? namedTypes(normal) : undefined
    normal = without(normal, 'nullable')
    if (types !== undefined) normal = { ...normal, type: [...new Set([...types, 'null'])] }
  }
  if (normal['unevaluatedProperties'] === true) normal = without(normal, 'unevaluatedProperties')
  if (normal['unevaluatedProperties'] === false && !APPLICATORS.some((name) => normal[name] !== undefined)) {
    const { additionalProperties = false } = normal
    normal = { ...without(normal, 'unevaluatedProperties'), additionalProperties }
  }
  return withDependents(normal, path)
}

/** Dependents as alternatives: the property is not there, or what depends on it holds. */
function withDependents(schema: SchemaObject, path: string): SchemaObject {
  const { dependentRequired = {}, dependentSchemas = {} } = schema
  const all = [
    ...Object.entries(dependentRequired as object).map(([name, required]) => [name, { required }] as const),
    ...Object.entries(dependentSchemas as object),
  ]
  if (all.length === 0) return without(schema, 'dependentRequired', 'dependentSchemas')
  const ways = all.map(([name, dependent]) => {
    const there = { type: 'object', required: [name] }
    return { anyOf: [{ type: 'object', properties: { [name]: false } }, { allOf: [there, dependent] }] }
  })
  const types = namedTypes(schema)
  if (types?.some((type) => type !== 'object')) {
    const keyword = isObject(schema['dependentRequired']) ? 'dependentRequired' : 'dependentSchemas'
    throw new GrammarError("it can be honoured beside type 'object' only", join(path, keyword))
  }
  const { allOf = [] } = schema
  const rest = without(schema, 'dependentRequired', 'dependentSchemas')
  return { ...rest, type: 'object', allOf: [...(allOf as unknown[]), ...ways] }
}
