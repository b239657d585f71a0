import { GrammarError, NothingError } from '../gbnf/grammar-error.ts'
import { GRAMMAR_LIMITS } from '../gbnf/limits.ts'
import { choice, EMPTY, type GrammarNode, literal, optional, repeat, sequence } from '../gbnf/node.ts'
import { TextMatcher } from './automaton.ts'
import { bracketed, COLON, COMMA } from './json-any.ts'
import { jsonChars, quotedString } from './json-string.ts'
import { both, except, type Pattern, texts } from './pattern.ts'
import { patternGrammar } from './pattern-grammar.ts'
import { parseRegex } from './regex.ts'
import type { SchemaContext } from './schema-context.ts'
import { join, type Schema, type SchemaObject } from './schema-keywords.ts'
import { namesOf } from './schema-names.ts'

export interface Member {
  /** Name, colon and value. */
  readonly pair: GrammarNode
  readonly required: boolean
}

/** How the members of an object are written. */
export interface MemberStyle {
  /** A member of this name. @throws GrammarError when it cannot be written. */
  named(name: string, value: Schema, path: string): GrammarNode
  /** A member of a name that the pattern matches; absent: there is none beside named ones. @throws NothingError where there is no such name. */
  other?(names: Pattern | undefined, value: Schema, path: string): GrammarNode
  /** Text between two members. */
  readonly separator: GrammarNode
}

/** Members counted one by one, times the counts that are distinguished, at most. */
const MAX_COUNTED = 2000
/** Members whose ways are looked at. */
const MANY_MEMBERS = 100

/** @throws GrammarError */
export function objectNode(schema: SchemaObject, path: string, context: SchemaContext): GrammarNode {
  const style: MemberStyle = {
    named: (name, value, at) => sequence(namedKey(name, at, context), COLON, context.compile(value, at)),
    other: (names, value, at) => sequence(keyNode(names, context), COLON, context.compile(value, at)),
    separator: COMMA,
  }
  return bracketed('{', membersNode(schema, path, context, style), '}')
}

/**
 * Properties come in the order of the schema, each optional one present or absent; then those that are not named.
 * Without `additionalProperties`, an object whose properties are described by name or by pattern has no others.
 * @throws GrammarError
 */
export function membersNode(
  schema: SchemaObject,
  path: string,
  context: SchemaContext,
  style: MemberStyle,
): GrammarNode {
  const described = new Described(schema, path, context)
  const required = new Set((schema['required'] ?? []) as readonly string[])
  const members = described
    .named(required)
    // A property that may never be there is never written.
    .filter(([name, value]) => value !== false || required.has(name))
    .map(([name, value]): Member => {
      const pair = style.named(name, value, join(path, 'properties', name.slice(0, 64)))
      return { pair, required: required.has(name) }
    })
  // Those that begin alike are all open while their beginning is read.
  if (members.length > MANY_MEMBERS) context.notes.hasManyWays = true
  const others = style.other === undefined ? [] : described.others(style.other, required)
  return inOrder(members, others.length === 0 ? undefined : choice(others), style.separator, {
    ...countsOf(schema, members, others.length > 0, path),
    path,
    define: (node) => context.define(node),
  })
}

interface PatternProperty {
  readonly names: Pattern
  readonly matcher: TextMatcher
  readonly value: Schema
  readonly path: string
}

/** Properties of an object as a schema describes them: by name, by pattern, and the rest. */
class Described {
  readonly #properties: ReadonlyMap<string, Schema>
  readonly #patterns: readonly PatternProperty[]
  readonly #names: ReturnType<typeof namesOf>
  readonly #matcher: TextMatcher | undefined
  readonly #rest: Schema
  readonly #path: string

  constructor(schema: SchemaObject, path: string, context: SchemaContext) {
    const { properties = {}, patternProperties = {}, additionalProperties, propertyNames } = schema
    this.#path = path
    this.#properties = new Map(Object.entries(properties as Record<string, Schema>))
    this.#patterns = Object.entries(patternProperties as Record<string, Schema>).map(([source, value]) => {
      const at = join(path, 'patternProperties', source.slice(0, 64))
      try {
        const names = parseRegex(source, 'anywhere')
        return { names, matcher: new TextMatcher(names, context.notes.time), value, path: at }
      } catch (error) {
        throw error instanceof GrammarError ? new GrammarError(error.message, at) : error
      }
    })
    this.#names = namesOf(propertyNames as Schema | undefined, join(path, 'propertyNames'), context)
    const { pattern } = this.#names
    this.#matcher = pattern && new TextMatcher(pattern, context.notes.time)
    const isClosed = this.#properties.size > 0 || this.#patterns.length > 0
    this.#rest = (additionalProperties as Schema | undefined) ?? !isClosed
  }

  /** Properties with a name that is known, and what each must be. @throws GrammarError */
  named(required: ReadonlySet<string>): [string, Schema][] {
    const listed = this.#names.listed ?? []
    const all = new Set([...this.#properties.keys(), ...required, ...listed])
    return [...all].map((name) => {
      const value = this.#valueOf(name)
      if (value === false && required.has(name)) {
        const why = this.#properties.has(name)
          ? 'a property that can never be there'
          : 'a property that nothing admits'
        throw new NothingError(`it names ${why}`, join(this.#path, 'required'))
      }
      return [name, value]
    })
  }

  #valueOf(name: string): Schema {
    const { listed } = this.#names
    if (listed !== undefined && !listed.includes(name)) return false
    if (this.#matcher?.matches(name) === false) return false
    const own = this.#properties.get(name)
    const patterned = this.#patterns.filter(({ matcher }) => matcher.matches(name))
    const all = [...(own === undefined ? [] : [own]), ...patterned.map(({ value }) => value)]
    const [only] = all
    if (only === undefined) return this.#rest
    if (all.includes(false)) return false
    return all.length === 1 ? only : { allOf: all }
  }

  /** Members of names that are not known. @throws GrammarError */
  others(write: NonNullable<MemberStyle['other']>, required: ReadonlySet<string>): GrammarNode[] {
    const { listed, pattern } = this.#names
    if (listed !== undefined) return []
    const known = [...new Set([...this.#properties.keys(), ...required])]
    const common = [
      ...(pattern === undefined ? [] : [pattern]),
      ...(known.length === 0 ? [] : [except(texts(known))]),
    ]
    const described = this.#patterns.map(({ names, value, path }, index) => {
      const elsewhere = this.#patterns.filter((_, other) => other !== index)
      return { names: [names, ...common, ...elsewhere.map((one) => except(one.names))], value, path }
    })
    const rest = {
      names: [...common, ...this.#patterns.map(({ names }) => except(names))],
      value: this.#rest,
      path: join(this.#path, 'additionalProperties'),
    }
    return [...described, rest].flatMap(({ names, value, path }) => {
      if (value === false) return []
      try {
        return [write(names.length === 0 ? undefined : both(...names), value, path)]
      } catch (error) {
        if (error instanceof NothingError) return []
        throw error instanceof GrammarError && error.path === ''
          ? new GrammarError(error.message, path)
          : error
      }
    })
  }
}

interface Counts {
  readonly min: number
  readonly max: number | undefined
}

/** Bounds of the number of members, without those that hold anyway. @throws GrammarError */
function countsOf(
  { minProperties = 0, maxProperties }: SchemaObject,
  members: readonly Member[],
  hasOthers: boolean,
  path: string,
): Counts {
  const [least, most] = [minProperties as number, maxProperties as number | undefined]
  const sure = members.filter(({ required }) => required).length
  if (most !== undefined && most < sure)
    throw new NothingError('there are more required properties', join(path, 'maxProperties'))
  // Members whose names are not known may have one name, and count as one.
  if (least > members.length + (hasOthers ? 1 : 0))
    throw new GrammarError(
      'it can be honoured up to the number of properties whose names are known, and one more',
      join(path, 'minProperties'),
    )
  const min = least > sure ? least : 0
  const max = most === undefined || (!hasOthers && most >= members.length) ? undefined : most
  const counted = 1 + (max === undefined ? min : Math.min(max, members.length))
  if (counted > 1 && members.length * counted > MAX_COUNTED)
    throw new GrammarError(
      'the properties are too many to be counted',
      join(path, least > sure ? 'minProperties' : 'maxProperties'),
    )
  return { min, max: max === undefined ? undefined : Math.min(max, GRAMMAR_LIMITS.counts) }
}

/** Pairs, one or more. */
function pairs(pair: GrammarNode, separator: GrammarNode, max: number | undefined): GrammarNode {
  return sequence(pair, repeat(sequence(separator, pair), 0, max === undefined ? undefined : max - 1))
}

/**
 * Named members in order, then `extra` pairs. One rule for what may follow an optional member, so that a comma
 * leaves one way open whatever comes behind it; where members are counted, one for each count.
 */
export function inOrder(
  members: readonly Member[],
  extra: GrammarNode | undefined,
  separator: GrammarNode,
  { min, max, path, define }: Counts & Pick<SchemaContext, 'define'> & { readonly path: string },
): GrammarNode {
  const counts = Math.min(max ?? min, members.length)
  // By the count so far: the rest of an object with at least one pair to come; undefined where none can come.
  let from = Array.from({ length: counts + 1 }, (_, count) =>
    extra === undefined || count + 1 < min || (max !== undefined && count >= max)
      ? undefined
      : pairs(extra, separator, max === undefined ? undefined : max - count),
  )
  let mustCome = false
  /** Returns what follows so many members; undefined where they are not to be that many. */
  const behind = (count: number): GrammarNode | undefined => {
    const next = from[Math.min(count, counts)]
    const mayEnd = !mustCome && count >= min
    if (next === undefined || (max !== undefined && count >= max)) return mayEnd ? EMPTY : undefined
    const more = sequence(separator, next)
    return mayEnd ? optional(more) : more
  }
  for (const [index, { pair, required }] of [...members.entries()].reverse()) {
    const skipped = from
    from = Array.from(from, (_, count) => {
      const rest = max !== undefined && count >= max ? undefined : behind(count + 1)
      const here = rest === undefined ? undefined : sequence(pair, rest)
      const later = required ? undefined : skipped[count]
      const all = here === undefined ? later : later === undefined ? here : choice([here, later])
      return all === undefined || members[index - 1]?.required !== false ? all : define(all)
    })
    mustCome ||= required
  }
  const [first] = from
  const mayBeEmpty = !mustCome && min === 0
  if (first === undefined || max === 0) {
    if (mayBeEmpty) return EMPTY
    throw new NothingError('no number of properties is left', path)
  }
  return mayBeEmpty ? optional(first) : first
}

function namedKey(name: string, path: string, { json }: SchemaContext): GrammarNode {
  const { strings } = json.style
  if (strings === undefined) return literal(JSON.stringify(name))
  const key = strings.key(name)
  if (key === undefined)
    throw new GrammarError('its name cannot be written in the format of this model', path)
  return literal(key)
}

/** Any key of a pattern; undefined: any key. */
function keyNode(names: Pattern | undefined, { json, notes }: SchemaContext): GrammarNode {
  if (names === undefined) return json.key()
  const { strings } = json.style
  if (strings !== undefined) return strings.otherKey(names, json.rules, notes.time)
  return quotedString(patternGrammar(names, { chars: jsonChars, rules: json.rules, time: notes.time }))
}
