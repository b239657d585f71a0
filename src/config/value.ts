import type { SettingSchema } from './schema.ts'

type Checked =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problem: string }

/** Checks a flag's or variable's text, or a file's value, against its setting. */
export function checkedValue(schema: SettingSchema, given: unknown): Checked {
  const value = typeof given === 'string' ? fromText(schema, given.trim()) : given
  if (fits(schema, value)) return { ok: true, value }
  return { ok: false, problem: `${shown(given)} is not allowed; expected ${allowed(schema)}.` }
}

function fits(schema: SettingSchema, value: unknown): boolean {
  const { type, minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = schema
  if (type === 'boolean') return typeof value === 'boolean'
  if (type === 'integer')
    return Number.isInteger(value) && minimum <= Number(value) && Number(value) <= maximum
  if (typeof value !== 'string' || value.length < (schema.minLength ?? 0)) return false
  if (schema.enum !== undefined && !schema.enum.includes(value)) return false
  return schema.pattern === undefined || new RegExp(schema.pattern, 'u').test(value)
}

/** Values that a setting accepts, in words. */
export function allowed({ type, enum: choices, minimum, maximum, words, shape }: SettingSchema): string {
  if (choices) return `one of ${choices.join(', ')}`
  if (words) return `${Object.keys(words).join(', ')} or an integer from ${minimum} to ${maximum}`
  if (type === 'boolean') return 'true or false'
  if (type === 'integer') return `an integer from ${minimum} to ${maximum}`
  return shape ?? 'a text that is not empty'
}

function fromText(schema: SettingSchema, text: string): unknown {
  if (schema.words !== undefined && Object.hasOwn(schema.words, text)) return schema.words[text]
  if (schema.type === 'integer') return /^[+-]?\d{1,15}$/.test(text) ? Number(text) : text
  if (schema.type !== 'boolean') return text
  const word = text.toLowerCase()
  if (word === 'true' || word === '1') return true
  return word === 'false' || word === '0' ? false : text
}

function shown(given: unknown): string {
  const text = typeof given === 'string' ? given : (JSON.stringify(given) ?? String(given))
  return `'${text.length > 64 ? `${text.slice(0, 64)}…` : text}'`
}
