import { GrammarError } from '../gbnf/grammar-error.ts'
import { GRAMMAR_LIMITS } from '../gbnf/limits.ts'

/** A JSON Schema that is an object, as JSON.parse gives it. */
export type SchemaObject = Readonly<Record<string, unknown>>
export type Schema = boolean | SchemaObject

export const TYPES = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'] as const
export type JsonType = (typeof TYPES)[number]

/** Keywords that say nothing about what is valid. */
const ANNOTATIONS = new Set([
  '$anchor',
  '$schema',
  '$id',
  '$comment',
  '$defs',
  'definitions',
  'title',
  'description',
  'default',
  'example',
  'examples',
  'deprecated',
  // They describe what a string holds.
  'contentEncoding',
  'contentMediaType',
  'contentSchema',
  // OpenAPI's; pydantic writes `discriminator` beside a tagged union.
  'components',
  'discriminator',
  'externalDocs',
  'xml',
  'readOnly',
  'writeOnly',
])

/** Patterns that a string must match all of: what schemas that are combined come to. No client can send one. */
export class AllPatterns {
  readonly patterns: readonly string[]

  constructor(...several: unknown[]) {
    this.patterns = several.flatMap((one) => (one instanceof AllPatterns ? one.patterns : [String(one)]))
  }
}

const isSchema = (value: unknown): boolean => typeof value === 'boolean' || isObject(value)
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0
const isNumber = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value)
const isBoolean = (value: unknown): boolean => typeof value === 'boolean'
const isString = (value: unknown): boolean => typeof value === 'string'
const isStrings = (value: unknown): boolean => Array.isArray(value) && value.every(isString)
const isSchemas = (value: unknown): boolean =>
  Array.isArray(value) && value.length > 0 && value.length <= GRAMMAR_LIMITS.branches && value.every(isSchema)
const isSchemaMap = (value: unknown): boolean => isObject(value) && Object.values(value).every(isSchema)
const isType = (value: unknown): boolean => TYPES.some((type) => type === value)

/** Every keyword that is honoured, with what its value must be. */
const KEYWORDS: Readonly<Record<string, readonly [(value: unknown) => boolean, string]>> = {
  $ref: [isString, 'a string'],
  type: [
    (value) => isType(value) || (Array.isArray(value) && value.length > 0 && value.every(isType)),
    'a JSON type or several',
  ],
  enum: [(value) => Array.isArray(value) && value.length > 0, 'an array of at least one value'],
  const: [() => true, 'a value'],
  anyOf: [isSchemas, `an array of 1 to ${GRAMMAR_LIMITS.branches} schemas`],
  oneOf: [isSchemas, `an array of 1 to ${GRAMMAR_LIMITS.branches} schemas`],
  allOf: [isSchemas, `an array of 1 to ${GRAMMAR_LIMITS.branches} schemas`],
  properties: [isSchemaMap, 'an object of schemas'],
  required: [isStrings, 'an array of strings'],
  additionalProperties: [isSchema, 'a schema'],
  propertyNames: [isSchema, 'a schema'],
  patternProperties: [isSchemaMap, 'an object of schemas'],
  unevaluatedProperties: [(value) => value === false || value === true, 'true or false'],
  dependentRequired: [
    (value) => isObject(value) && Object.values(value).every(isStrings),
    'an object of arrays of strings',
  ],
  dependentSchemas: [isSchemaMap, 'an object of schemas'],
  minProperties: [isCount, 'a count'],
  maxProperties: [isCount, 'a count'],
  items: [(value) => isSchema(value) || (Array.isArray(value) && value.every(isSchema)), 'a schema'],
  prefixItems: [isSchemas, `an array of 1 to ${GRAMMAR_LIMITS.branches} schemas`],
  additionalItems: [isSchema, 'a schema'],
  minItems: [isCount, 'a count'],
  maxItems: [isCount, 'a count'],
  uniqueItems: [isBoolean, 'a boolean'],
  minLength: [isCount, 'a count'],
  maxLength: [isCount, 'a count'],
  pattern: [(value) => isString(value) || value instanceof AllPatterns, 'a string'],
  format: [isString, 'a string'],
  minimum: [isNumber, 'a number'],
  maximum: [isNumber, 'a number'],
  // Draft 4 and OpenAPI 3.0: whether the bound beside it is excluded.
  exclusiveMinimum: [(value) => isNumber(value) || isBoolean(value), 'a number'],
  exclusiveMaximum: [(value) => isNumber(value) || isBoolean(value), 'a number'],
  // OpenAPI 3.0.
  nullable: [isBoolean, 'a boolean'],
  multipleOf: [(value) => isNumber(value) && (value as number) > 0, 'a number above 0'],
}

/** @throws GrammarError for a keyword that is not honoured or whose value is not what it must be. */
export function checkKeywords(schema: SchemaObject, path: string): void {
  for (const [name, value] of Object.entries(schema)) {
    if (isAnnotation(name)) continue
    const at = join(path, name.slice(0, 64))
    const known = Object.hasOwn(KEYWORDS, name) ? KEYWORDS[name] : undefined
    if (known === undefined) throw new GrammarError('this keyword cannot be honoured', at)
    if (!known[0](value)) throw new GrammarError(`it must be ${known[1]}`, at)
  }
}

export function isAnnotation(keyword: string): boolean {
  return ANNOTATIONS.has(keyword) || keyword.startsWith('x-')
}

/** Whether the schema says anything about what is valid. */
export function constrains(schema: SchemaObject): boolean {
  return Object.keys(schema).some((name) => !isAnnotation(name))
}

export function isObject(value: unknown): value is SchemaObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function join(path: string, ...names: readonly (string | number)[]): string {
  return names.reduce<string>(
    (at, name) => (typeof name === 'number' ? `${at}[${name}]` : at === '' ? name : `${at}.${name}`),
    path,
  )
}

export function without(schema: SchemaObject, ...names: readonly string[]): SchemaObject {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => !names.includes(name)))
}

/** The JSON types that the schema names; undefined when it names none. */
export function namedTypes({ type }: SchemaObject): readonly JsonType[] | undefined {
  if (type === undefined) return undefined
  return (Array.isArray(type) ? type : [type]) as JsonType[]
}

/** The values that the schema lists; undefined when it lists none. */
export function listedValues(schema: SchemaObject): readonly unknown[] | undefined {
  if (Object.hasOwn(schema, 'const')) return [schema['const']]
  return schema['enum'] as readonly unknown[] | undefined
}

export function typeOfValue(value: unknown): JsonType {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value as JsonType
}

/** Whether a value of type `inner` is always one of type `outer`. */
export function isWithin(inner: JsonType, outer: JsonType): boolean {
  return inner === outer || (inner === 'integer' && outer === 'number')
}

/** Equality of JSON values, whatever the order of their keys. */
export function equalJson(a: unknown, b: unknown): boolean {
  return a === b || canonicalJson(a) === canonicalJson(b)
}

/** JSON text that is equal for equal values, whatever the order of their keys. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    isObject(item) ? Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)) : item,
  )
}
