import { ServingError } from '../../base/errors.ts'
import { checkRange, type Range } from './checks.ts'
import { tooLong, tooLongText, wrongType } from './failures.ts'

type Json = Readonly<Record<string, unknown>>

/**
 * Reads one JSON object field by field: absent and null are undefined, a wrong type is a 400 that names the field.
 * Afterwards it knows which fields were never read, in nested objects, too.
 */
export class Fields {
  /** The object; undefined after letGo(). */
  #held: Json | undefined
  readonly #path: string
  readonly #read = new Set<string>()
  /** Names of ignored fields, as the client sees them in `x-ignored-params`. */
  readonly #ignored = new Set<string>()
  readonly #dropped = new Set<string>()
  /** Nested objects that were read, by name and index. */
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

  /** Takes the body out of a request, so that letGo() frees its memory. @throws ServingError invalid_json where it is no object. */
  static ofBody(request: { body: unknown }): Fields {
    const { body } = request
    request.body = undefined
    return new Fields(body)
  }

  get #object(): Json {
    if (this.#held === undefined) throw new Error('fields that were let go are read')
    return this.#held
  }

  /** Frees the object when all has been read: its memory is not needed while the request runs. */
  letGo(): void {
    this.#held = undefined
    this.#within.clear()
  }

  /** Path of a field, in OpenAI's notation: messages[0].content. */
  pathOf(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`
  }

  /** Value of a field, of any type and not checked; undefined where it is absent or null. */
  value(name: string): unknown {
    this.#read.add(name)
    return Object.hasOwn(this.#object, name) ? (this.#object[name] ?? undefined) : undefined
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#object, name)
  }

  /** Marks a field as read, so that it is not reported although it has no effect: clients send it when they send an answer back. */
  skip(name: string): void {
    this.#read.add(name)
  }

  /** Marks a field as read, and reports that it has no effect. @param as its name in the report. Default: its path. */
  ignore(name: string, as = this.pathOf(name)): void {
    if (this.value(name) !== undefined) this.#ignored.add(as)
  }

  /** Marks a field that another one overrides: it is reported like one that was never read. */
  drop(name: string): void {
    this.#dropped.add(name)
  }

  /** Names of the fields that were ignored, in nested objects, too. */
  ignored(): string[] {
    return [...this.#ignored, ...[...this.#within.values()].flatMap((one) => one.ignored())]
  }

  /** Paths of the fields that were never read, or that another field overrides. */
  unread(): string[] {
    const own = Object.keys(this.#object).filter(
      (name) => (!this.#read.has(name) || this.#dropped.has(name)) && this.#object[name] !== null,
    )
    const within = [...this.#within.values()].flatMap((one) => one.unread())
    return [...own.map((name) => this.pathOf(name)), ...within]
  }

  string(name: string, maxLength = Number.POSITIVE_INFINITY): string | undefined {
    const value = this.value(name)
    if (value === undefined) return undefined
    if (typeof value !== 'string') throw wrongType(this.pathOf(name), 'a string', value)
    if (value.length > maxLength) throw tooLongText(this.pathOf(name), value, maxLength)
    return value
  }

  boolean(name: string): boolean | undefined {
    const value = this.value(name)
    if (value === undefined || typeof value === 'boolean') return value
    throw wrongType(this.pathOf(name), 'a boolean', value)
  }

  integer(name: string, range: Range): number | undefined {
    const value = this.value(name)
    if (value === undefined) return undefined
    if (typeof value !== 'number' || !Number.isInteger(value)) {
      throw wrongType(this.pathOf(name), 'an integer', value)
    }
    return checkRange(this.pathOf(name), value, range, 'integer')
  }

  number(name: string, range: Range): number | undefined {
    const value = this.value(name)
    if (value === undefined) return undefined
    if (typeof value !== 'number') throw wrongType(this.pathOf(name), 'a decimal number', value)
    return checkRange(this.pathOf(name), value, range, 'decimal')
  }

  array(name: string, maxLength: number): readonly unknown[] | undefined {
    const value = this.value(name)
    const path = this.pathOf(name)
    if (value === undefined) return undefined
    if (!Array.isArray(value)) throw wrongType(path, 'an array', value)
    if (value.length > maxLength) throw tooLong(path, value.length, maxLength)
    return value
  }

  object(name: string): Fields | undefined {
    const value = this.value(name)
    return value === undefined ? undefined : this.#child(name, value)
  }

  /** An object with any fields. */
  anyObject(name: string): object | undefined {
    const value = this.value(name)
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

  /** All fields with their values; they count as read. */
  entries(): [string, unknown][] {
    for (const name of Object.keys(this.#object)) this.skip(name)
    return Object.entries(this.#object)
  }
}
