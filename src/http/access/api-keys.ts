import { createHash, timingSafeEqual } from 'node:crypto'
import { parseDocument } from 'yaml'
import { DEFAULT_TENANT } from '../../base/share.ts'

/** A holder of an API key, and what it may do. */
export interface Tenant {
  readonly name: string
  /** Requests that may run or wait at once; undefined: as many as the server takes. */
  readonly maxConcurrent: number | undefined
  readonly requestsPerMinute: number | undefined
  /** Tokens of prompts and completions. */
  readonly tokensPerMinute: number | undefined
  /** See Share. */
  readonly weight: number
  readonly priority: number
  /** Names that it may ask for; undefined: all. */
  readonly models: readonly string[] | undefined
  /** Whether it is let in at the admin port. */
  readonly admin: boolean
}

interface KeyEntry extends Tenant {
  /** SHA-256 of the key. */
  readonly digest: Buffer
}

/** The keys that are let in. */
export class ApiKeys {
  readonly #entries: readonly KeyEntry[]

  constructor(entries: readonly KeyEntry[]) {
    this.#entries = entries
  }

  /** Whether any holder's tokens are limited. */
  get limitTokens(): boolean {
    return this.#entries.some(({ tokensPerMinute }) => tokensPerMinute !== undefined)
  }

  /** Finds the holder of a key. Compares with all keys, in a time that does not depend on which one it was. */
  find(key: string): Tenant | undefined {
    const digest = sha256(key)
    let found: Tenant | undefined
    for (const entry of this.#entries) if (timingSafeEqual(entry.digest, digest)) found = entry
    return found
  }
}

/** A field of a key besides its name and the key itself: what it must be, and what says so. */
type Rule = readonly [holds: (value: unknown) => boolean, words: string]

const isCount: Rule = [(value) => Number.isInteger(value) && (value as number) > 0, 'an integer above 0']
const RULES: Readonly<Record<string, Rule>> = {
  max_concurrent: isCount,
  requests_per_minute: isCount,
  tokens_per_minute: isCount,
  weight: [
    (value) => typeof value === 'number' && value > 0 && value <= 1000,
    'a number above 0, up to 1000',
  ],
  priority: [
    (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 100,
    'an integer from 0 to 100',
  ],
  models: [
    (value) => Array.isArray(value) && value.length > 0 && value.every((name) => typeof name === 'string'),
    'a list of names that is not empty',
  ],
  admin: [(value) => typeof value === 'boolean', 'true or false'],
}

/**
 * Reads YAML or JSON: `keys:` with a list of `name`, `key` (the key, or `sha256:` and its hash in hex), and perhaps
 * limits, a share, models and `admin`: see RULES.
 * @throws Error that names what is wrong, and never holds a key.
 */
export function readApiKeys(text: string): ApiKeys {
  const document = parseDocument(text)
  const problem = document.errors[0]
  // Its message would quote the line.
  if (problem !== undefined) throw new Error(`line ${problem.linePos?.[0].line ?? 1} is not YAML`)
  const content = document.toJS() as unknown
  const list = isObject(content) ? content['keys'] : undefined
  if (!Array.isArray(list) || list.length === 0) throw new Error("'keys' must be a list that is not empty")
  const entries = list.map(readEntry)
  const names = entries.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new Error(`the name '${twice}' is there twice`)
  return new ApiKeys(entries)
}

function readEntry(value: unknown, index: number): KeyEntry {
  const where = `keys[${index}]`
  if (!isObject(value)) throw new Error(`${where} must have a name and a key`)
  const { name, key, ...rest } = value
  if (typeof name !== 'string' || !/^[\w.-]{1,64}$/.test(name))
    throw new Error(`${where}.name must be 1 to 64 letters, digits, '.', '_' or '-'`)
  for (const [field, given] of Object.entries(rest)) {
    if (!Object.hasOwn(RULES, field)) throw new Error(`${where} has an unknown field '${field.slice(0, 64)}'`)
    const [holds, words] = RULES[field] as Rule
    if (!holds(given)) throw new Error(`${where}.${field} must be ${words}`)
  }
  return {
    name,
    digest: digestOf(key, where),
    maxConcurrent: rest['max_concurrent'] as number | undefined,
    requestsPerMinute: rest['requests_per_minute'] as number | undefined,
    tokensPerMinute: rest['tokens_per_minute'] as number | undefined,
    weight: (rest['weight'] as number | undefined) ?? DEFAULT_TENANT.weight,
    priority: (rest['priority'] as number | undefined) ?? DEFAULT_TENANT.priority,
    models: rest['models'] as string[] | undefined,
    admin: rest['admin'] === true,
  }
}

function digestOf(key: unknown, where: string): Buffer {
  if (typeof key !== 'string' || key.length < 16)
    throw new Error(`${where}.key must be a text of at least 16 characters`)
  if (!key.startsWith('sha256:')) return sha256(key)
  const hex = key.slice('sha256:'.length)
  if (!/^[\da-f]{64}$/i.test(hex)) throw new Error(`${where}.key must have 64 hex digits after 'sha256:'`)
  return Buffer.from(hex, 'hex')
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
