/** JSON Schema of a part of an answer. */
export type Schema = Readonly<Record<string, unknown>>

/** An object that has all of the first fields, perhaps some of the second, and no others. */
export function object(
  fields: Readonly<Record<string, Schema>>,
  perhaps: Readonly<Record<string, Schema>> = {},
): Schema {
  return {
    type: 'object',
    properties: { ...fields, ...perhaps },
    required: Object.keys(fields),
    additionalProperties: false,
  }
}

export const list = (items: Schema, more: Schema = {}): Schema => ({ type: 'array', items, ...more })
export const empty: Schema = { type: 'array', maxItems: 0 }
export const either = (...schemas: readonly Schema[]): Schema => ({ anyOf: schemas })
export const orNull = (schema: Schema): Schema => either(schema, nothing)
export const only = (...values: readonly (string | null)[]): Schema => ({ enum: values })
export const is = (value: string | boolean): Schema => ({ const: value })

export const nothing: Schema = { type: 'null' }
export const anything: Schema = {}
export const text: Schema = { type: 'string' }
export const someText: Schema = { type: 'string', minLength: 1 }
export const flag: Schema = { type: 'boolean' }
export const number: Schema = { type: 'number' }
export const count: Schema = { type: 'integer', minimum: 0 }
export const texts: Schema = list(text)
export const idOf = (prefix: string, digits = 32): Schema => ({
  type: 'string',
  pattern: `^${prefix}[0-9a-f]{${digits}}$`,
})
