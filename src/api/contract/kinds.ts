import { checkOneOf } from './checks.ts'
import { invalidValue } from './failures.ts'
import { type Field, optional, type Schema } from './field.ts'

interface Range {
  readonly min?: number
  readonly max?: number
}

export const flag: Field<boolean | undefined> = optional({ type: 'boolean' }, (owner, name) =>
  owner.boolean(name),
)

export function string(maxLength?: number): Field<string | undefined> {
  const schema = { type: 'string', ...(maxLength !== undefined && { maxLength }) }
  return optional(schema, (owner, name) => owner.string(name, maxLength))
}

/** A text with something in it. @param whenEmpty what is told where there is nothing. */
export function someText(whenEmpty: string, maxLength?: number): Field<string | undefined> {
  return checked(string(maxLength), { minLength: 1 }, (text, path) => {
    if (text === '') throw invalidValue(path, whenEmpty)
  })
}

/** A field that is looked at more closely. @param more what the schema says of it. */
export function checked<T>(
  field: Field<T | undefined>,
  more: Schema,
  check: (value: T, path: string) => void,
): Field<T | undefined> {
  const read = mapped(field, (value, path) => {
    check(value, path)
    return value
  })
  return { ...read, schema: { ...field.schema, ...more } }
}

/** A field that is handed on as something else. */
export function mapped<T, To>(
  field: Field<T | undefined>,
  to: (value: T, path: string) => To,
): Field<To | undefined> {
  return optional(field.schema, (owner, name) => {
    const value = field.read(owner, name)
    return value === undefined ? undefined : to(value, owner.pathOf(name))
  })
}

/** A bound that is left out is that of the integers that JSON can say. */
export function integer({ min, max }: Range = {}): Field<number | undefined> {
  const { MIN_SAFE_INTEGER, MAX_SAFE_INTEGER } = Number
  const range = { min: min ?? MIN_SAFE_INTEGER, max: max ?? MAX_SAFE_INTEGER }
  return optional({ type: 'integer', ...bounds({ min, max }) }, (owner, name) => owner.integer(name, range))
}

export function number(min: number, max: number): Field<number | undefined> {
  return optional({ type: 'number', ...bounds({ min, max }) }, (owner, name) =>
    owner.number(name, { min, max }),
  )
}

function bounds({ min, max }: { min?: number | undefined; max?: number | undefined }): Schema {
  return { ...(min !== undefined && { minimum: min }), ...(max !== undefined && { maximum: max }) }
}

export function oneOf<T extends string>(values: readonly T[]): Field<T | undefined> {
  return optional({ type: 'string', enum: values }, (owner, name) => {
    const value = owner.value(name)
    return value === undefined ? undefined : checkOneOf(owner.pathOf(name), value, values)
  })
}

/** Whoever uses the value looks for itself. @param schema what it then takes. */
export function anything(schema: Schema = {}): Field<unknown> {
  return optional(schema, (owner, name) => owner.value(name))
}

/** An object of whatever fields. */
export const anyObject: Field<object | undefined> = optional({ type: 'object' }, (owner, name) =>
  owner.anyObject(name),
)

/** A list whose items whoever uses it looks at. @param items what they then are. */
export function array(items: Schema, maxItems: number): Field<readonly unknown[] | undefined> {
  return optional({ type: 'array', items, maxItems }, (owner, name) => owner.array(name, maxItems))
}
