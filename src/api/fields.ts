import { quoted, ServingError } from '../base/errors.ts'
import { tell } from './field-reads.ts'

type Json = Readonly<Record<string, unknown>>

interface Range {
  readonly min: number
  readonly max: number
}

/**
 * Reads one JSON object field by field: absent and null are undefined, a wrong type is a 400 that names the field,
 * and what nobody asked for is known at the end, in the objects within, too.
 */
export class Fields {
  /** Undefined once it was let go. */
  #held: Json | undefined
  readonly #path: string
  readonly #read = new Set<string>()
  readonly #ignored = new Set<string>()
  readonly #dropped = new Set<string>()
  /** The objects within that were read, by name and index. */
  readonly #within = new Map<string, Fields>()

  constructor(value: unknown, path = '') {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      if (path === '') {
        throw new ServingError('invalid_json', 'The body of your request must be a JSON object')
      }
      throw wrongType(path, 'an object', value)
    }
    this.#held = value as Json
    this.#path = path
  }

  /** Those of a request's body, which only they hold from now on. @throws ServingError invalid_json: it is no object. */
  static ofBody(request: { body: unknown }): Fields {
    const { body } = request
    request.body = undefined
    return new Fields(body)
  }

  get #object(): Json {
    if (this.#held === undefined) throw new Error('fields that were let go are read')
    return this.#held
  }

  /** All has been read: what was not taken need not be held while the request runs. */
  letGo(): void {
    this.#held = undefined
    this.#within.clear()
  }

  /** Where a field is, in OpenAI's notation: messages[0].content. */
  pathOf(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`
  }

  /** The raw value, of any type; null is absent. */
  value(name: string): unknown {
    tell({ path: this.pathOf(name), type: 'any' })
    return this.#take(name)
  }

  #take(name: string): unknown {
    this.#read.add(name)
    return Object.hasOwn(this.#object, name) ? (this.#object[name] ?? undefined) : undefined
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#object, name)
  }

  /** Marks fields as read that say nothing: what comes back of an answer has them. */
  skip(...names: readonly string[]): void {
    for (const name of names) this.#read.add(name)
  }

  /** Marks fields as read that have no effect here, which their sender is to hear. */
  ignore(...names: readonly string[]): void {
    for (const name of names) {
      tell({ path: this.pathOf(name), ignored: true })
      if (this.#take(name) !== undefined) this.#ignored.add(name)
    }
  }

  /** Marks a field that was read and does not count beside another that is there: it is as one that nobody knows. */
  drop(name: string): void {
    this.#dropped.add(name)
  }

  /** Of several names of one setting the first that is there. Others that say something else are dropped. */
  eitherOf<T, Name extends string>(
    names: readonly Name[],
    read: (name: Name) => T | undefined,
  ): T | undefined {
    let first: T | undefined
    for (const name of names) {
      const value = read(name)
      if (value === undefined) continue
      if (first === undefined) first = value
      else if (value !== first) this.drop(name)
    }
    return first
  }

  /** Paths of the fields that were ignored. */
  ignored(): string[] {
    const own = [...this.#ignored].map((name) => this.pathOf(name))
    return [...own, ...[...this.#within.values()].flatMap((one) => one.ignored())]
  }

  /** Paths of the fields that were never read, or that another has taken the place of. */
  unread(): string[] {
    const own = Object.keys(this.#object).filter(
      (name) => (!this.#read.has(name) || this.#dropped.has(name)) && this.#object[name] !== null,
    )
    const within = [...this.#within.values()].flatMap((one) => one.unread())
    return [...own.map((name) => this.pathOf(name)), ...within]
  }

  required(name: string): unknown {
    tell({ path: this.pathOf(name), required: true })
    return this.needed(name)
  }

  /** Required of this kind of item, where others of the same list lack the field. */
  needed(name: string): unknown {
    const value = this.value(name)
    if (value === undefined) throw missing(this.pathOf(name))
    return value
  }

  string(name: string, maxLength = Number.POSITIVE_INFINITY): string | undefined {
    const value = this.#take(name)
    tell({ path: this.pathOf(name), type: 'string', ...(Number.isFinite(maxLength) && { maxLength }) })
    if (value === undefined) return undefined
    if (typeof value !== 'string') throw wrongType(this.pathOf(name), 'a string', value)
    if (value.length > maxLength) {
      throw new ServingError(
        'string_above_max_length',
        `Invalid '${this.pathOf(name)}': string too long. Expected a string with maximum length ${maxLength}, but got a string with length ${value.length} instead.`,
        { param: this.pathOf(name) },
      )
    }
    return value
  }

  boolean(name: string): boolean | undefined {
    const value = this.#take(name)
    tell({ path: this.pathOf(name), type: 'boolean' })
    if (value === undefined || typeof value === 'boolean') return value
    throw wrongType(this.pathOf(name), 'a boolean', value)
  }

  integer(name: string, range: Range): number | undefined {
    const value = this.#take(name)
    tell({ path: this.pathOf(name), type: 'integer', minimum: range.min, maximum: range.max })
    if (value === undefined) return undefined
    if (typeof value !== 'number' || !Number.isInteger(value)) {
      throw wrongType(this.pathOf(name), 'an integer', value)
    }
    return inRange(this.pathOf(name), value, range, 'integer')
  }

  number(name: string, range: Range): number | undefined {
    const value = this.#take(name)
    tell({ path: this.pathOf(name), type: 'number', minimum: range.min, maximum: range.max })
    if (value === undefined) return undefined
    if (typeof value !== 'number') throw wrongType(this.pathOf(name), 'a decimal number', value)
    return inRange(this.pathOf(name), value, range, 'decimal')
  }

  array(name: string, maxLength: number): readonly unknown[] | undefined {
    const value = this.#take(name)
    const path = this.pathOf(name)
    tell({ path, type: 'array', maxItems: maxLength })
    if (value === undefined) return undefined
    if (!Array.isArray(value)) throw wrongType(path, 'an array', value)
    if (value.length > maxLength) throw tooLong(path, value.length, maxLength)
    return value
  }

  object(name: string): Fields | undefined {
    const value = this.#take(name)
    tell({ path: this.pathOf(name), type: 'object' })
    return value === undefined ? undefined : this.#child(name, value)
  }

  requiredObject(name: string): Fields {
    return this.#child(name, this.required(name))
  }

  /** An object of whatever fields. */
  anyObject(name: string): object | undefined {
    const value = this.#take(name)
    tell({ path: this.pathOf(name), type: 'object' })
    return value === undefined ? undefined : new Fields(value, this.pathOf(name)).#object
  }

  objects(name: string, maxLength: number): Fields[] | undefined {
    return this.array(name, maxLength)?.map((item, index) => this.#child(`${name}[${index}]`, item))
  }

  #child(key: string, value: unknown): Fields {
    const known = this.#within.get(key) ?? new Fields(value, this.pathOf(key))
    this.#within.set(key, known)
    return known
  }

  /** All of it, which counts as read. */
  entries(): [string, unknown][] {
    this.skip(...Object.keys(this.#object))
    return Object.entries(this.#object)
  }
}

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

function inRange(path: string, value: number, { min, max }: Range, kind: 'integer' | 'decimal'): number {
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

function typeName(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'an integer' : 'a decimal number'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

/** Fails with the values a field can have. */
export function oneOf<T extends string>(path: string, value: unknown, allowed: readonly T[]): T {
  tell({ path, type: 'string', enum: allowed })
  if (typeof value !== 'string') throw wrongType(path, 'a string', value)
  const found = allowed.find((item) => item === value)
  if (found !== undefined) return found
  const list = allowed.map((item) => `'${item}'`).join(', ')
  throw invalidValue(path, `Supported values are: ${list}; got ${quoted(value)}.`)
}
