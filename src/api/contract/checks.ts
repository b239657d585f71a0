import { quoted, ServingError } from '../../base/errors.ts'
import { invalidValue, wrongType } from './failures.ts'

export interface Range {
  readonly min: number
  readonly max: number
}

/** Checks that a value is one of those allowed. @throws ServingError that lists them. */
export function checkOneOf<T extends string>(path: string, value: unknown, allowed: readonly T[]): T {
  if (typeof value !== 'string') throw wrongType(path, 'a string', value)
  const found = allowed.find((item) => item === value)
  if (found !== undefined) return found
  const list = allowed.map((item) => `'${item}'`).join(', ')
  throw invalidValue(path, `Supported values are: ${list}; got ${quoted(value)}.`)
}

/** Checks an upper bound that is the server's or the model's, which a field's declaration does not know. */
export function checkMost(path: string, value: number, max: number): void {
  checkRange(path, value, { min: Number.MIN_SAFE_INTEGER, max }, 'integer')
}

export function checkRange(
  path: string,
  value: number,
  { min, max }: Range,
  kind: 'integer' | 'decimal',
): number {
  // -0 is a client's arithmetic gone wrong, and below any minimum of 1.
  if (value < min)
    throw outOfRange(path, value, kind, 'below minimum', `>= ${min}`, `${kind}_below_min_value`)
  if (value > max)
    throw outOfRange(path, value, kind, 'above maximum', `<= ${max}`, `${kind}_above_max_value`)
  return value
}

function outOfRange(
  path: string,
  value: number,
  kind: string,
  what: string,
  expected: string,
  code: ServingError['code'],
): ServingError {
  const message = `Invalid '${path}': ${kind} ${what} value. Expected a value ${expected}, but got ${value} instead.`
  return new ServingError(code, message, { param: path })
}
