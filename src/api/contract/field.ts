import type { Fields } from './fields.ts'

/** JSON Schema of the values that a field accepts. `/openapi.json` is made of it. */
export type Schema = Readonly<Record<string, unknown>>

/** The gateway's treatment of a field: it is used, ignored without a mention, ignored and named in `x-ignored-params`, or refused. */
type Fate = 'counts' | 'silent' | 'ignored' | { readonly refused: string }

/** Declaration of one field of a request: how it is read, and what `/openapi.json` says of it. See docs/design/contract.md. */
export interface Field<T> {
  /** Schema of a value that is present. Null counts as absent where the field is not required. */
  readonly schema: Schema
  readonly required: boolean
  readonly fate: Fate
  /** Reads the field out of its object. @throws ServingError that names the field. */
  read(owner: Fields, name: string): T
}

/** The fields of an object, by their names on the wire. */
export type Declared = Readonly<Record<string, Field<unknown>>>

/** Key of the `Fields` that an object was read from: they give paths for errors about several fields, and note fields without effect. */
export const at: unique symbol = Symbol('at')

/** Values of an object whose declared fields were read. */
export type Read<D extends Declared> = {
  readonly [Name in keyof D]: D[Name] extends Field<infer T> ? T : never
} & { readonly [at]: Fields }

/** Reads the declared fields of an object, in their order. @throws ServingError for the first that is wrong. */
export function readDeclared<D extends Declared>(fields: Fields, declared: D): Read<D> {
  const values: Record<string | symbol, unknown> = { [at]: fields }
  for (const name in declared) values[name] = declared[name]?.read(fields, name)
  return values as Read<D>
}

/** Value of a setting that has several names: the first that is present. Others with a different value are reported as without effect. */
export function eitherOf<
  Name extends string,
  Body extends { readonly [N in Name]: unknown } & { readonly [at]: Fields },
>(body: Body, names: readonly Name[]): Body[Name] | undefined {
  const given = names.filter((name) => body[name] !== undefined)
  const [first] = given
  for (const name of given) if (first !== undefined && body[name] !== body[first]) body[at].drop(name)
  return first && body[first]
}

/** A field that may be left out. */
export function optional<T>(
  schema: Schema,
  read: (owner: Fields, name: string) => T | undefined,
): Field<T | undefined> {
  return { schema, required: false, fate: 'counts', read }
}

/** JSON Schema of an object with these fields. Others are accepted, too: the gateway names them in `x-ignored-params`. */
export function schemaOf(declared: Declared): Schema {
  const properties = Object.entries(declared).map(([name, field]) => [name, propertySchema(field)])
  const required = Object.keys(declared).filter((name) => declared[name]?.required)
  return {
    type: 'object',
    properties: Object.fromEntries(properties),
    ...(required.length > 0 && { required }),
  }
}

function propertySchema({ schema, required, fate }: Field<unknown>): Schema {
  if (typeof fate === 'object') return { enum: [null, false, []], 'x-refused': fate.refused }
  const marked = fate === 'ignored' ? { 'x-ignored': true } : {}
  return { ...(required ? schema : nullable(schema)), ...marked }
}

function nullable(schema: Schema): Schema {
  const { type, enum: values, anyOf } = schema
  if (Array.isArray(anyOf)) return { ...schema, anyOf: [...anyOf, { type: 'null' }] }
  return {
    ...schema,
    ...(type !== undefined && { type: [type, 'null'].flat() }),
    ...(Array.isArray(values) && { enum: [...values, null] }),
  }
}
