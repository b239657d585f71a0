import { GrammarError } from '../gbnf/grammar-error.ts'
import {
  canonicalJson,
  isObject,
  isWithin,
  type JsonType,
  join,
  listedValues,
  namedTypes,
  type Schema,
  type SchemaObject,
  typeOfValue,
} from './schema-keywords.ts'

/** Comparisons of values at most: the product of the lists in a small schema can be large. */
const MAX_COMPARISONS = 1_000_000

/** Facts about a branch; undefined where it says nothing. */
interface Branch {
  readonly types: readonly JsonType[] | undefined
  /** Listed values, as canonical JSON. */
  readonly values: ReadonlySet<string> | undefined
  /** Listed values of required properties, as canonical JSON, by name. */
  readonly tags: ReadonlyMap<string, ReadonlySet<string>>
}

/**
 * `oneOf` is `anyOf` where no value is valid for two branches. That is seen from types, from listed values, and from a
 * required property whose listed values differ.
 * @param follow follows a schema's own reference.
 * @throws GrammarError when it cannot be seen.
 */
export function checkDisjoint(
  branches: readonly Schema[],
  follow: (schema: Schema) => Schema,
  path: string,
): void {
  const sets = new ValueSets()
  const known = branches.map((schema) => (isObject(schema) ? branchOf(schema, follow, sets) : schema))
  const budget = { comparisons: MAX_COMPARISONS }
  for (const [index, one] of known.entries()) {
    for (const other of known.slice(0, index)) {
      if (one === false || other === false) continue
      if (one === true || other === true || !areDisjoint(one, other, budget))
        throw new GrammarError(
          'a value could be valid for two branches: give them a required property with different values, or use anyOf',
          join(path, index),
        )
    }
  }
}

function branchOf(schema: SchemaObject, follow: (schema: Schema) => Schema, sets: ValueSets): Branch {
  const values = listedValues(schema)
  const required = new Set((schema['required'] ?? []) as readonly string[])
  const tags = new Map<string, ReadonlySet<string>>()
  for (const [name, property] of Object.entries((schema['properties'] ?? {}) as Record<string, Schema>)) {
    const flat = required.has(name) ? follow(property) : true
    const listed = isObject(flat) ? listedValues(flat) : undefined
    if (listed !== undefined) tags.set(name, sets.of(listed))
  }
  return {
    types: namedTypes(schema) ?? values?.map(typeOfValue),
    values: values && sets.of(values),
    tags,
  }
}

/** Listed values as canonical JSON; a list that many branches refer to is read once. */
class ValueSets {
  readonly #sets = new Map<readonly unknown[], ReadonlySet<string>>()

  of(values: readonly unknown[]): ReadonlySet<string> {
    const set = this.#sets.get(values) ?? new Set(values.map(canonicalJson))
    this.#sets.set(values, set)
    return set
  }
}

function areDisjoint(a: Branch, b: Branch, budget: { comparisons: number }): boolean {
  if (a.values !== undefined && b.values !== undefined) return !share(a.values, b.values, budget)
  const { types } = a
  if (types !== undefined && b.types !== undefined) {
    if (!types.some((one) => b.types?.some((other) => overlap(one, other)))) return true
  }
  if (![types, b.types].every((all) => all?.every((type) => type === 'object'))) return false
  for (const [name, values] of a.tags) {
    const others = b.tags.get(name)
    if (others !== undefined && !share(values, others, budget)) return true
  }
  return false
}

function share(a: ReadonlySet<string>, b: ReadonlySet<string>, budget: { comparisons: number }): boolean {
  const [small, large] = a.size < b.size ? [a, b] : [b, a]
  budget.comparisons -= small.size
  if (budget.comparisons < 0) throw new GrammarError("the branches of 'oneOf' are too many to be compared")
  for (const value of small) if (large.has(value)) return true
  return false
}

function overlap(one: JsonType, other: JsonType): boolean {
  return isWithin(one, other) || isWithin(other, one)
}
