import { GrammarError } from '../gbnf/grammar-error.ts'
import {
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
  checkClosed(a, b, path)
  checkClosed(b, a, path)
  const merged = new Map<string, unknown>(Object.entries(a).filter(([name]) => !isAnnotation(name)))
  for (const [name, value] of Object.entries(b)) {
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
  if (both.size === 0) throw new GrammarError('no type is left when they are combined', path)
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
  if (both.length === 0) throw new GrammarError('no value is left when they are combined', path)
  return both
}

/** `additionalProperties` of one schema does not see the properties of the other. */
function checkClosed(closed: SchemaObject, other: SchemaObject, path: string): void {
  const more = closed['additionalProperties']
  if (more === undefined || more === true) return
  const names = Object.keys((closed['properties'] ?? {}) as object)
  if (Object.keys((other['properties'] ?? {}) as object).every((name) => names.includes(name))) return
  throw new GrammarError(
    "'additionalProperties' cannot be combined with properties of another schema",
    join(path, 'additionalProperties'),
  )
}
