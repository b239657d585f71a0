import { ServingError } from '../../base/errors.ts'

export function missing(path: string): ServingError {
  return new ServingError('missing_required_parameter', `Missing required parameter: '${path}'.`, {
    param: path,
  })
}

export function wrongType(path: string, expected: string, got: unknown): ServingError {
  return new ServingError(
    'invalid_type',
    `Invalid type for '${path}': expected ${expected}, but got ${typeName(got)} instead.`,
    { param: path },
  )
}

export function tooLongText(path: string, text: string, max: number): ServingError {
  return new ServingError(
    'string_above_max_length',
    `Invalid '${path}': string too long. Expected a string with maximum length ${max}, but got a string with length ${text.length} instead.`,
    { param: path },
  )
}

export function tooLong(path: string, length: number, max: number): ServingError {
  return new ServingError(
    'array_above_max_length',
    `Invalid '${path}': array too long. Expected an array with maximum length ${max}, but got an array with length ${length} instead.`,
    { param: path },
  )
}

export function emptyArray(path: string): ServingError {
  return new ServingError(
    'empty_array',
    `Invalid '${path}': empty array. Expected an array with minimum length 1, but got an empty array instead.`,
    { param: path },
  )
}

export function invalidValue(path: string, message: string): ServingError {
  return new ServingError('invalid_value', `Invalid '${path}': ${message}`, { param: path })
}

export function unsupported(path: string, message: string): ServingError {
  return new ServingError('unsupported_parameter', `Unsupported parameter: '${path}'. ${message}`, {
    param: path,
  })
}

function typeName(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'an integer' : 'a decimal number'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
