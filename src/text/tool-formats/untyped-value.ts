import { pythonValue } from './python-literal.ts'

/**
 * JSON text of a value that is written without quotes: a string where its schema says so, else JSON where it parses,
 * or what templates make of values that Python spells, else a string again.
 * @param saysText the markup says that it is a string, which counts where the schema leaves it open.
 */
export function valueJson(text: string, schema: unknown, saysText = false): string {
  if (isText(schema) || (saysText && admitsText(schema))) return JSON.stringify(text)
  try {
    JSON.parse(text)
    return text.trim()
  } catch {
    const python = /^\s*(?:True|False|None|[[{][\s\S]*)\s*$/.test(text) ? pythonValue(text) : undefined
    return python ?? JSON.stringify(text)
  }
}

/** Whether a schema admits strings and nothing else. */
export function isText(schema: unknown): boolean {
  const type = member(schema, 'type')
  if (type !== undefined) return type === 'string'
  const listed = member(schema, 'enum') ?? [member(schema, 'const')]
  return Array.isArray(listed) && listed.length > 0 && listed.every((value) => typeof value === 'string')
}

/** The type that a schema names alone, or object. */
export function typeOf(schema: unknown): string {
  const type = member(schema, 'type')
  return typeof type === 'string' ? type : 'object'
}

/** Schema of a property in the schema of an object. */
export function propertyOf(schema: unknown, name: string): unknown {
  return member(member(schema, 'properties'), name)
}

function admitsText(schema: unknown): boolean {
  const type = member(schema, 'type')
  return type === undefined || (Array.isArray(type) && type.includes('string'))
}

export function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined
}
