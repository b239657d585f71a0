import { checkOneOf } from './checks.ts'
import { emptyArray, missing, wrongType } from './failures.ts'
import {
  at,
  type Declared,
  type Field,
  optional,
  type Read,
  readDeclared,
  type Schema,
  schemaOf,
} from './field.ts'
import type { Fields } from './fields.ts'
import { checked } from './kinds.ts'

export function object<D extends Declared>(declared: D): Field<Read<D> | undefined> {
  return one(item(declared))
}

export function one<T>(of: Item<T>): Field<T | undefined> {
  return optional(of.schema, (owner, name) => {
    const fields = owner.object(name)
    return fields && of.read(fields)
  })
}

/** Reader of an object that is an item of a list, or the value of a field. */
export interface Item<T> {
  readonly schema: Schema
  read(fields: Fields): T
}

export function item<D extends Declared>(declared: D): Item<Read<D>> {
  return { schema: schemaOf(declared), read: (fields) => readDeclared(fields, declared) }
}

/** Union of objects that differ in the value of one field, the tag. */
export type Tagged<Tag extends string, Variants extends Readonly<Record<string, Declared>>> = {
  [Name in keyof Variants]: Read<Variants[Name]> & { readonly [T in Tag]: Name }
}[keyof Variants]

interface TagOptions<Name extends string> {
  /** Makes the error for a tag that names no variant. Default: an error that lists the variants. */
  readonly unknown?: (fields: Fields) => Error
  /** Variant of an object without a tag. */
  readonly byDefault?: Name
  /** Whether a tag that is no string is unknown, too. Default: it is of a wrong type. */
  readonly anyTag?: boolean
}

/** An object whose other fields depend on one of them, the tag. */
export function tagged<Tag extends string, Variants extends Readonly<Record<string, Declared>>>(
  tag: Tag,
  variants: Variants,
  { unknown, byDefault, anyTag = false }: TagOptions<keyof Variants & string> = {},
): Item<Tagged<Tag, Variants>> {
  const names = Object.keys(variants)
  const schemas = names.map((name) => {
    const { properties, required = [] } = schemaOf(variants[name] ?? {}) as {
      properties: object
      required?: readonly string[]
    }
    const byItself = name === byDefault
    return {
      type: 'object',
      properties: { [tag]: byItself ? { enum: [name, null] } : { const: name }, ...properties },
      required: byItself ? required : [tag, ...required],
    }
  })
  return {
    schema: schemas.length === 1 ? (schemas[0] ?? {}) : { anyOf: schemas },
    read: (fields) => {
      const given = unknown === undefined || anyTag ? fields.value(tag) : fields.string(tag)
      const value = given ?? byDefault
      if (value === undefined) throw missing(fields.pathOf(tag))
      const name = unknown === undefined ? checkOneOf(fields.pathOf(tag), value, names) : String(value)
      const declared = typeof value === 'string' && Object.hasOwn(variants, name) ? variants[name] : undefined
      if (declared === undefined) throw unknown?.(fields) ?? new Error(`no variant ${name}`)
      return Object.assign(readDeclared(fields, declared), { [tag]: name }) as Tagged<Tag, Variants>
    },
  }
}

/**
 * One of several objects by a field of it, or one of a kind that is not among them, of which `other` makes what it can.
 * All fields of such a one count as read.
 */
export function taggedOr<Tag extends string, Variants extends Readonly<Record<string, Declared>>, Other>(
  tag: Tag,
  variants: Variants,
  other: (fields: Fields, kind: string) => Other,
  byDefault?: keyof Variants & string,
): Item<Tagged<Tag, Variants> | Other> {
  const known = tagged(tag, variants, byDefault === undefined ? {} : { byDefault })
  const kinds = Object.keys(variants)
  const another = { type: 'object', properties: { [tag]: { type: 'string' } }, required: [tag] }
  return {
    schema: { anyOf: [known.schema, { ...another, not: { properties: { [tag]: { enum: kinds } } } }] },
    read: (fields) => {
      const kind = fields.string(tag) ?? byDefault
      if (kind === undefined) throw missing(fields.pathOf(tag))
      if (kinds.includes(kind)) return known.read(fields)
      fields.entries()
      return other(fields, kind)
    },
  }
}

export function list<T>(of: Item<T>, maxItems: number): Field<readonly T[] | undefined> {
  return optional({ type: 'array', items: of.schema, maxItems }, (owner, name) =>
    owner.objects(name, maxItems)?.map((fields) => of.read(fields)),
  )
}

/** A list that must not be empty. */
export function full<T>(several: Field<readonly T[] | undefined>): Field<readonly T[] | undefined> {
  return checked(several, { minItems: 1 }, (items, path) => {
    if (items.length === 0) throw emptyArray(path)
  })
}

/** A string, or a list. @param expected the name of both in the error for a value that is neither. */
export function textOr<T>(several: Field<T | undefined>, expected: string): Field<string | T | undefined> {
  return optional({ anyOf: [{ type: 'string' }, several.schema] }, (owner, name) => {
    const value = owner.value(name)
    if (value === undefined || typeof value === 'string') return value
    if (!Array.isArray(value)) throw wrongType(owner.pathOf(name), expected, value)
    return several.read(owner, name)
  })
}

/** An object that is refused where it has a field that is not declared. */
export function closed<T extends { readonly [at]: Fields }>(
  field: Field<T | undefined>,
  unknown: (path: string) => Error,
): Field<T | undefined> {
  return checked(field, { additionalProperties: false }, (value, path) => {
    if (value[at].unread().length > 0) throw unknown(path)
  })
}
