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

/** A text that is not empty. @param whenEmpty the message where it is. */
export function someText(whenEmpty: string, maxLength?: number): Field<string | undefined> {
  return checked(string(maxLength), { minLength: 1 }, (text, path) => {
    if (text === '') throw invalidValue(path, whenEmpty)
  })
}

/** A field with a further check. @param more what the schema says of the check. */
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

/** A field whose value is converted when it is read. */
export function mapped<T, To>(
  field: Field<T | undefined>,
  to: (value: T, path: string) => To,
): Field<To | undefined> {
  return optional(field.schema, (owner, name) => {
    const value = field.read(owner, name)
    return value === undefined ? undefined : to(value, owner.pathOf(name))
  })
}

/** An integer. A bound that is left out is that of JavaScript's safe integers. */
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

/** A value that is checked where it is used. @param schema the values that are accepted there. */
export function anything(schema: Schema = {}): Field<unknown> {
  return optional(schema, (owner, name) => owner.value(name))
}

/** An object with any fields. */
export const anyObject: Field<object | undefined> = optional({ type: 'object' }, (owner, name) =>
  owner.anyObject(name),
)

/** A list whose items are checked where they are used. @param items the items that are accepted there. */
export function array(items: Schema, maxItems: number): Field<readonly unknown[] | undefined> {
  return optional({ type: 'array', items, maxItems }, (owner, name) => owner.array(name, maxItems))
}
