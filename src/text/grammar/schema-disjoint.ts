import { GrammarError } from './grammar-error.ts'
import {
  equalJson,
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
  for (const [index, one] of branches.entries()) {
    for (const other of branches.slice(0, index)) {
      if (!areDisjoint(one, other, follow))
        throw new GrammarError(
          'a value could be valid for two branches: let a required property tell them apart, or use anyOf',
          join(path, index),
        )
    }
  }
}

function areDisjoint(a: Schema, b: Schema, follow: (schema: Schema) => Schema): boolean {
  if (a === false || b === false) return true
  if (!isObject(a) || !isObject(b)) return false
  const [aValues, bValues] = [listedValues(a), listedValues(b)]
  if (aValues !== undefined && bValues !== undefined) {
    return !aValues.some((one) => bValues.some((other) => equalJson(one, other)))
  }
  const [aTypes, bTypes] = [typesOf(a), typesOf(b)]
  if (
    aTypes !== undefined &&
    bTypes !== undefined &&
    !aTypes.some((one) => bTypes.some((other) => overlap(one, other)))
  )
    return true
  return (
    [aTypes, bTypes].every((types) => types?.every((type) => type === 'object')) && toldApart(a, b, follow)
  )
}

function typesOf(schema: SchemaObject): readonly JsonType[] | undefined {
  return namedTypes(schema) ?? listedValues(schema)?.map(typeOfValue)
}

function overlap(one: JsonType, other: JsonType): boolean {
  return isWithin(one, other) || isWithin(other, one)
}

function toldApart(a: SchemaObject, b: SchemaObject, follow: (schema: Schema) => Schema): boolean {
  const [aNeeds, bNeeds] = [a, b].map((schema) => (schema['required'] ?? []) as readonly string[])
  return (aNeeds ?? []).some((name) => {
    if (!bNeeds?.includes(name)) return false
    const [aValues, bValues] = [a, b].map((schema) => {
      const property = Object.entries((schema['properties'] ?? {}) as Record<string, Schema>).find(
        ([key]) => key === name,
      )?.[1]
      const flat = property === undefined ? undefined : follow(property)
      return isObject(flat) ? listedValues(flat) : undefined
    })
    if (aValues === undefined || bValues === undefined) return false
    return !aValues.some((one) => bValues.some((other) => equalJson(one, other)))
  })
}
