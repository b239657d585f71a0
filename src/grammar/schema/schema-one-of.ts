import {
  canonicalJson,
  isObject,
  isWithin,
  type JsonType,
  listedValues,
  namedTypes,
  type Schema,
  type SchemaObject,
  typeOfValue,
} from './schema-keywords.ts'

/** How the branches of `oneOf` exclude each other: by type and listed values, objects by a property, or not as far as is seen. */
export type Exclusion = { readonly by: 'types' } | { readonly by: 'tag'; readonly tag: string } | undefined

/**
 * Looks for what makes at most one branch of `oneOf` valid for a value: their types, the values that they list, and, for objects,
 * a property whose listed values differ from branch to branch. With such a property required, no object is valid for two.
 * @param branches with their own references followed.
 * @param follow follows a schema's own reference.
 * @param named the property that OpenAPI's `discriminator` names.
 */
export function exclusionOf(
  branches: readonly Schema[],
  follow: (schema: Schema) => Schema,
  named: unknown,
): Exclusion {
  const possible = branches.filter((branch) => branch !== false)
  if (possible.length < 2) return { by: 'types' }
  if (!possible.every(isObject)) return undefined
  const objects = possible.filter(isObjectsOnly)
  const others = possible.filter((branch) => !isObjectsOnly(branch))
  if (!areApart(objects.length > 0 ? [{ type: 'object' }, ...others] : others)) return undefined
  if (objects.length < 2) return { by: 'types' }
  const [first] = objects
  const names = typeof named === 'string' ? [named] : Object.keys((first?.['properties'] ?? {}) as object)
  const tag = names.find((name) => distinguishes(name, objects, follow))
  return tag === undefined ? undefined : { by: 'tag', tag }
}

function isObjectsOnly(branch: SchemaObject): boolean {
  const types = namedTypes(branch)
  if (types === undefined) return listedValues(branch) === undefined && branch['properties'] !== undefined
  return types.every((type) => type === 'object')
}

/** Whether no value is of two branches, by their types and listed values. */
function areApart(branches: readonly SchemaObject[]): boolean {
  const seenTypes: JsonType[] = []
  const listedTypes: JsonType[] = []
  const seenValues = new Set<string>()
  for (const branch of branches) {
    const values = listedValues(branch)
    const types = values === undefined ? namedTypes(branch) : values.map(typeOfValue)
    if (types === undefined) return false
    const against = values === undefined ? [...seenTypes, ...listedTypes] : seenTypes
    for (const type of new Set(types)) if (against.some((other) => overlap(type, other))) return false
    for (const value of new Set(values?.map(canonicalJson))) {
      if (seenValues.has(value)) return false
      seenValues.add(value)
    }
    ;(values === undefined ? seenTypes : listedTypes).push(...new Set(types))
  }
  return true
}

/** Whether each branch lists values of the property that no other lists. */
function distinguishes(
  name: string,
  branches: readonly SchemaObject[],
  follow: (schema: Schema) => Schema,
): boolean {
  const seen = new Set<string>()
  const lists = new Set<readonly unknown[]>()
  for (const { properties } of branches) {
    if (!isObject(properties) || !Object.hasOwn(properties, name)) return false
    const property = follow(properties[name] as Schema)
    const values = isObject(property) ? listedValues(property) : undefined
    // A list that two branches refer to is the same: it need not be read again.
    if (values === undefined || lists.has(values)) return false
    lists.add(values)
    for (const value of new Set(values.map(canonicalJson))) {
      if (seen.has(value)) return false
      seen.add(value)
    }
  }
  return true
}

function overlap(one: JsonType, other: JsonType): boolean {
  return isWithin(one, other) || isWithin(other, one)
}
