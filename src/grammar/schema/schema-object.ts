import { GrammarError } from '../gbnf/grammar-error.ts'
import { GRAMMAR_LIMITS } from '../gbnf/limits.ts'
import { choice, EMPTY, type GrammarNode, literal, optional, repeat, sequence } from '../gbnf/node.ts'
import { bracketed, COLON, COMMA } from './json-any.ts'
import type { SchemaContext } from './schema-context.ts'
import { isAnnotation, isObject, join, type Schema, type SchemaObject } from './schema-keywords.ts'
import { stringNode } from './schema-string.ts'

interface Member {
  /** Name, colon and value. */
  readonly pair: GrammarNode
  readonly required: boolean
}

/** How the members of an object are written. */
export interface MemberStyle {
  /** A member of this name. @throws GrammarError when it cannot be written. */
  named(name: string, value: Schema, path: string): GrammarNode
  /** A member of a name that is not among these; absent: there is none beside named ones. */
  other?(names: readonly string[], value: Schema): GrammarNode
  /** Text between two members. */
  readonly separator: GrammarNode
}

/** @throws GrammarError */
export function objectNode(schema: SchemaObject, path: string, context: SchemaContext): GrammarNode {
  const style: MemberStyle = {
    named: (name, value, at) => sequence(namedKey(name, at, context), COLON, context.compile(value, at)),
    other: (names, value) => {
      const key = keyNode(schema, names, path, context)
      return sequence(key, COLON, context.compile(value, join(path, 'additionalProperties')))
    },
    separator: COMMA,
  }
  return bracketed('{', membersNode(schema, path, context, style), '}')
}

/**
 * Properties come in the order of the schema, each optional one present or absent; then those that are not named.
 * Without `additionalProperties`, an object whose properties are named has no others.
 * @throws GrammarError
 */
export function membersNode(
  schema: SchemaObject,
  path: string,
  context: Pick<SchemaContext, 'define'>,
  style: MemberStyle,
): GrammarNode {
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, Schema>)
  const required = new Set((schema['required'] ?? []) as readonly string[])
  const others = othersOf(schema, properties.length > 0)
  const named = [...properties, ...unnamed(required, properties, others, path)]
  const names = named.map(([name]) => name)
  const members = named
    // A property that may never be there is never written.
    .filter(([name, value]) => value !== false || required.has(name))
    .map(([name, value]): Member => {
      const pair = style.named(name, value, join(path, 'properties', name.slice(0, 64)))
      return { pair, required: required.has(name) }
    })
  const { separator, other } = style
  const extra = other === undefined ? false : others
  checkCounts(schema, members, extra, path)
  if (other === undefined || others === false) return inOrder(members, undefined, separator, context)
  const pair = other(names, others)
  const max = schema['maxProperties'] as number | undefined
  const count = schema['minProperties'] === 1 && members.length === 0 ? 1 : 0
  if (members.length === 0) return pairs(pair, count, max)
  return inOrder(members, pair, separator, context)
}

/** What `additionalProperties` is when it is absent: nothing beside named properties, else anything. */
function othersOf(schema: SchemaObject, hasNamed: boolean): Schema {
  return (schema['additionalProperties'] as Schema | undefined) ?? !hasNamed
}

/** Required properties that only `additionalProperties` describes. */
function unnamed(
  required: ReadonlySet<string>,
  properties: readonly (readonly [string, Schema])[],
  others: Schema,
  path: string,
): [string, Schema][] {
  const missing = [...required].filter((name) => !properties.some(([known]) => known === name))
  if (missing.length > 0 && others === false)
    throw new GrammarError("it names a property that 'properties' does not describe", join(path, 'required'))
  return missing.map((name) => [name, others])
}

/** Pairs of a map. */
function pairs(pair: GrammarNode, min: number, max: number | undefined): GrammarNode {
  if (max === 0) return EMPTY
  const all = sequence(pair, repeat(sequence(COMMA, pair), 0, max === undefined ? undefined : max - 1))
  return min === 0 ? optional(all) : all
}

/**
 * Named members in order, then `extra` pairs. One rule for what may follow an optional member, so that a comma
 * leaves one way open whatever comes behind it.
 */
function inOrder(
  members: readonly Member[],
  extra: GrammarNode | undefined,
  separator: GrammarNode,
  context: Pick<SchemaContext, 'define'>,
): GrammarNode {
  // The rest of an object that has at least one pair to come; undefined when none can come.
  let pairsFrom: GrammarNode | undefined = extra && sequence(extra, repeat(sequence(separator, extra), 0))
  let mustCome = false
  for (const [index, { pair, required }] of [...members.entries()].reverse()) {
    const more = pairsFrom === undefined ? EMPTY : sequence(separator, pairsFrom)
    const here = sequence(pair, mustCome ? more : optional(more))
    const all = required || pairsFrom === undefined ? here : choice([here, pairsFrom])
    pairsFrom = members[index - 1]?.required === false ? context.define(all) : all
    mustCome ||= required
  }
  if (pairsFrom === undefined) return EMPTY
  return mustCome ? pairsFrom : optional(pairsFrom)
}

function namedKey(name: string, path: string, { json }: SchemaContext): GrammarNode {
  const { strings } = json.style
  if (strings === undefined) return literal(JSON.stringify(name))
  const key = strings.key(name)
  if (key === undefined)
    throw new GrammarError('its name cannot be written in the format of this model', path)
  return literal(key)
}

function keyNode(
  schema: SchemaObject,
  names: readonly string[],
  path: string,
  context: SchemaContext,
): GrammarNode {
  const rule = schema['propertyNames'] as Schema | undefined
  const at = join(path, 'propertyNames')
  if (rule === undefined || rule === true || (isObject(rule) && onlyStrings(rule)))
    return context.json.key(names)
  if (context.json.style.strings !== undefined)
    throw new GrammarError('it cannot be honoured in the format of this model', at)
  if (rule === false || names.length > 0)
    throw new GrammarError('it can be honoured only where no property is named', at)
  if (rule['enum'] !== undefined || rule['const'] !== undefined || rule['$ref'] !== undefined)
    return context.compile({ type: 'string', ...rule }, at)
  if (rule['type'] !== undefined && rule['type'] !== 'string')
    throw new GrammarError('a name must be a string', at)
  return stringNode(rule, at, context.json)
}

/** Whether a schema of names says no more than that they are strings. */
function onlyStrings(rule: SchemaObject): boolean {
  const { type = 'string' } = rule
  return type === 'string' && !Object.keys(rule).some((name) => name !== 'type' && !isAnnotation(name))
}

/** Counts of properties are honoured where the grammar implies them: names that repeat would not count twice. */
function checkCounts(schema: SchemaObject, members: readonly Member[], others: Schema, path: string): void {
  const { minProperties = 0, maxProperties } = schema as Readonly<Record<string, number | undefined>>
  const sure = members.filter(({ required }) => required).length
  if (minProperties > sure && !(members.length === 0 && others !== false && minProperties === 1))
    throw new GrammarError(
      'it can be honoured up to the number of required properties',
      join(path, 'minProperties'),
    )
  if (maxProperties === undefined) return
  if (
    members.length === 0
      ? maxProperties <= GRAMMAR_LIMITS.repetitions
      : others === false && maxProperties >= members.length
  )
    return
  throw new GrammarError(
    'it can be honoured from the number of named properties on',
    join(path, 'maxProperties'),
  )
}
