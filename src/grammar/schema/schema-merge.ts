import { GrammarError, NothingError } from '../gbnf/grammar-error.ts'
import { GRAMMAR_LIMITS } from '../gbnf/limits.ts'
import {
  AllPatterns,
  canonicalJson,
  equalJson,
  isAnnotation,
  isObject,
  isWithin,
  type JsonType,
  join,
  listedValues,
  namedTypes,
  type Schema,
  type SchemaObject,
  without,
} from './schema-keywords.ts'

type Merge = (a: unknown, b: unknown, path: string) => unknown

const greater: Merge = (a, b) => Math.max(a as number, b as number)
const smaller: Merge = (a, b) => Math.min(a as number, b as number)

const MERGES: Readonly<Record<string, Merge>> = {
  minimum: greater,
  exclusiveMinimum: greater,
  minLength: greater,
  minItems: greater,
  minProperties: greater,
  maximum: smaller,
  exclusiveMaximum: smaller,
  maxLength: smaller,
  maxItems: smaller,
  maxProperties: smaller,
  required: (a, b) => [...new Set([...(a as string[]), ...(b as string[])])],
  allOf: (a, b) => [...(a as Schema[]), ...(b as Schema[])],
  type: mergeTypes,
  pattern: (a, b) => new AllPatterns(a, b),
  anyOf: mergeBranches,
  uniqueItems: (a, b) => a === true || b === true,
  patternProperties: (a, b, path) => mergeProperties(a as SchemaObject, b as SchemaObject, path),
  propertyNames: (a, b, path) => mergeNested(a as Schema, b as Schema, path),
  properties: (a, b, path) => mergeProperties(a as SchemaObject, b as SchemaObject, path),
  items: (a, b, path) => mergeNested(a as Schema, b as Schema, path),
  additionalProperties: (a, b, path) => mergeNested(a as Schema, b as Schema, path),
}

/**
 * One schema that is valid where both are. What two schemas say of the same thing is combined where one keyword can say
 * it.
 * @throws GrammarError
 */
export function mergeSchemas(a: SchemaObject, b: SchemaObject, path: string): SchemaObject {
  if (b['unevaluatedProperties'] !== undefined)
    throw new GrammarError('it cannot be combined with another schema', join(path, 'unevaluatedProperties'))
  const [first, second] = [closedTo(a, b, path), closedTo(b, a, path)]
  const merged = new Map<string, unknown>(Object.entries(first).filter(([name]) => !isAnnotation(name)))
  for (const [name, value] of Object.entries(second)) {
    if (isAnnotation(name) || name === 'const' || name === 'enum') continue
    merged.set(name, merged.has(name) ? mergeKeyword(name, merged.get(name), value, path) : value)
  }
  const values = mergeValues(a, b, path)
  const rest = without(Object.fromEntries(merged), 'const', 'enum')
  return values === undefined ? rest : { ...rest, enum: values }
}

function mergeKeyword(name: string, a: unknown, b: unknown, path: string): unknown {
  if (equalJson(a, b)) return a
  const merge = Object.hasOwn(MERGES, name) ? MERGES[name] : undefined
  if (merge === undefined)
    throw new GrammarError(`schemas with different '${name}' cannot be combined`, join(path, name))
  return merge(a, b, join(path, name))
}

function mergeTypes(a: unknown, b: unknown, path: string): unknown {
  const [first, second] = [a, b].map((type) => namedTypes({ type }) ?? [])
  const both = new Set<JsonType>()
  for (const one of first ?? [])
    for (const other of second ?? []) {
      if (isWithin(one, other)) both.add(one)
      else if (isWithin(other, one)) both.add(other)
    }
  if (both.size === 0) throw new NothingError('no type is left when they are combined', path)
  return [...both]
}

function mergeProperties(a: SchemaObject, b: SchemaObject, path: string): SchemaObject {
  const merged = new Map<string, unknown>(Object.entries(a))
  for (const [name, schema] of Object.entries(b)) {
    const known = merged.get(name) as Schema | undefined
    merged.set(name, known === undefined ? schema : mergeNested(known, schema as Schema, join(path, name)))
  }
  return Object.fromEntries(merged)
}

/** An `allOf` of both schemas, to be combined when it is compiled, where references are resolved. */
function mergeNested(a: Schema, b: Schema, path: string): Schema {
  if (a === true) return b
  if (b === true) return a
  if (Array.isArray(a) || Array.isArray(b)) throw new GrammarError('lists of items cannot be combined', path)
  if (!isObject(a) || !isObject(b)) return false
  return equalJson(a, b) ? a : { allOf: [a, b] }
}

function mergeValues(a: SchemaObject, b: SchemaObject, path: string): readonly unknown[] | undefined {
  const [first, second] = [listedValues(a), listedValues(b)]
  if (first === undefined || second === undefined) return first ?? second
  const others = new Set(second.map(canonicalJson))
  const both = first.filter((one) => others.has(canonicalJson(one)))
  if (both.length === 0) throw new NothingError('no value is left when they are combined', path)
  return both
}

/** Each branch of one with each of the other. */
function mergeBranches(a: unknown, b: unknown, path: string): readonly Schema[] {
  const [first, second] = [a as Schema[], b as Schema[]]
  if (first.length * second.length > GRAMMAR_LIMITS.branches)
    throw new GrammarError(`combined, it has more than ${GRAMMAR_LIMITS.branches} branches`, path)
  return first.flatMap((one) => second.map((other): Schema => ({ allOf: [one, other] })))
}

/** The schema with its properties as the other one takes them, whose `additionalProperties` do not see them. */
function closedTo(schema: SchemaObject, other: SchemaObject, path: string): SchemaObject {
  const more = other['additionalProperties'] as Schema | undefined
  const { properties } = schema
  const named = (other['properties'] ?? {}) as SchemaObject
  if (more === undefined || more === true) return schema
  const at = join(path, 'additionalProperties')
  if (schema['patternProperties'] !== undefined || other['patternProperties'] !== undefined)
    throw new GrammarError("it cannot be combined with 'patternProperties'", at)
  if (properties === undefined) return schema
  const taken = Object.entries(properties as SchemaObject).map(([name, value]) => [
    name,
    Object.hasOwn(named, name) ? value : mergeNested(value as Schema, more, at),
  ])
  return { ...schema, properties: Object.fromEntries(taken) }
}
