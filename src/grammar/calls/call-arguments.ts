import { ELEMENT_NAME, type NestedTags, writtenAs } from '../../text/tool-formats/nested-arguments.ts'
import {
  type ArgumentTags,
  beforeValue,
  behindValue,
  textValue,
} from '../../text/tool-formats/tagged-arguments.ts'
import type { ArgumentStyle } from '../../text/tool-formats/tool-format.ts'
import { isText } from '../../text/tool-formats/untyped-value.ts'
import { GrammarError } from '../gbnf/grammar-error.ts'
import {
  type CodeRange,
  choice,
  EMPTY,
  type GrammarNode,
  literal,
  optional,
  rangeOf,
  repeat,
  rule,
  sequence,
  UNICODE,
  withoutRanges,
} from '../gbnf/node.ts'
import { COMMA } from '../schema/json-any.ts'
import type { SchemaRules } from '../schema/json-schema.ts'
import type { SchemaContext } from '../schema/schema-context.ts'
import {
  checkKeywords,
  isAnnotation,
  isObject,
  join,
  listedValues,
  type Schema,
  type SchemaObject,
} from '../schema/schema-keywords.ts'
import { type MemberStyle, membersNode } from '../schema/schema-object.ts'
import { stringContent } from '../schema/schema-string.ts'
import { valuesNode } from '../schema/schema-values.ts'
import { textUntil } from './free-text.ts'

/** Keywords that a schema of arguments may have where they are written one by one. */
const OF_MEMBERS = [
  'type',
  'properties',
  'required',
  'additionalProperties',
  'minProperties',
  'maxProperties',
]
const DEFINITIONS = ['$defs', 'definitions']
const OF_STRINGS = ['type', 'enum', 'const', 'pattern', 'format', 'minLength', 'maxLength']

/**
 * The arguments that a tool's schema admits, as a format writes them; `true`: any.
 * @throws GrammarError whose path begins in the schema.
 */
export function argumentsNode(
  schemas: SchemaRules,
  name: string,
  parameters: unknown,
  style: ArgumentStyle,
): GrammarNode {
  if (parameters === true) return anyArguments(schemas, style)
  if (isObject(parameters) && namesNothing(parameters)) return isWhole(style) ? literal('{}') : EMPTY
  // OpenAI: arguments are an object, whatever the schema leaves open.
  const schema =
    isObject(parameters) && parameters['type'] === undefined ? { ...parameters, type: 'object' } : parameters
  if (isWhole(style)) return schemas.add(name, schema as Schema)
  if (!isObject(schema)) throw new GrammarError('it must be an object')
  checkKeywords(schema, '')
  if (schema['type'] !== 'object') throw new GrammarError("it must be 'object', as arguments are one", 'type')
  for (const keyword of Object.keys(schema))
    if (![...OF_MEMBERS, ...DEFINITIONS].includes(keyword) && !isAnnotation(keyword))
      throw new GrammarError('it cannot be honoured at the top in the format of this model', keyword)
  return schemas.addParts(name, schema, (context) => {
    const members =
      style === 'keywords'
        ? keywords(context)
        : 'prefix' in style
          ? nested(style, schemas, context)
          : tagged(style, schema, schemas, context)
    return membersNode(schema, '', context, members)
  })
}

/**
 * Whether a schema names no parameter: a function that has none is called with none, though JSON Schema takes any object then.
 * `{"type": "object"}` alone, and with `additionalProperties`, is any object.
 */
function namesNothing(schema: SchemaObject): boolean {
  const said = Object.entries(schema).filter(([key]) => !isAnnotation(key) && !DEFINITIONS.includes(key))
  const isNone = ([key, value]: [string, unknown]): boolean => {
    if (key === 'properties') return isObject(value) && Object.keys(value).length === 0
    if (key === 'required') return Array.isArray(value) && value.length === 0
    return key === 'type' ? value === 'object' : key === 'additionalProperties' && value === false
  }
  return said.every(isNone) && (said.length !== 1 || said[0]?.[0] !== 'type')
}

/** Whether arguments are written as an object, in one style or another. */
function isWhole(style: ArgumentStyle): style is 'json' | 'bare' {
  return style === 'json' || style === 'bare'
}

/** Any arguments that a format can write. */
function anyArguments(schemas: SchemaRules, style: ArgumentStyle): GrammarNode {
  if (isWhole(style)) return schemas.json.object()
  if (style !== 'keywords') {
    const name = repeat({ type: 'set', ranges: withoutRanges(UNICODE, NOT_IN_NAME) }, 1)
    if ('prefix' in style) {
      const text = textOfTag(textWithin(style), schemas.rules)
      return repeat(sequence(literal(`${style.prefix}<a-`), name, literal('>'), text, literal('</a>')), 0)
    }
    const behindName = beforeValue(style, '', TEXT).slice(style.name.length)
    return repeat(
      sequence(literal(style.name), name, literal(behindName), textOfTag(style, schemas.rules)),
      0,
    )
  }
  const name = sequence(LETTER, repeat(LETTER_OR_DIGIT, 0))
  const member = sequence(name, literal('='), schemas.json.value())
  return optional(sequence(member, repeat(sequence(COMMA, member), 0)))
}

/** Members written as keywords: a=1, b="x" */
function keywords(context: SchemaContext): MemberStyle {
  return {
    named: (name, value, path) => {
      checkName(name, path, /^[A-Za-z_][A-Za-z0-9_]*$/)
      return sequence(literal(`${name}=`), context.compile(value, path))
    },
    separator: COMMA,
  }
}

const TEXT = { type: 'string' }

/** Members with tags around each, where a string is its characters, and anything else is JSON. */
function tagged(
  style: ArgumentTags,
  schema: SchemaObject,
  schemas: SchemaRules,
  context: SchemaContext,
): MemberStyle {
  const described = (schema['properties'] ?? {}) as Readonly<Record<string, Schema>>
  return {
    named: (name, value, path) => {
      checkName(name, path, /^[^<>"&\n]+$/)
      const known = Object.hasOwn(described, name) ? value : true
      const open = literal(beforeValue(style, name, known))
      if (isObject(known) && isText(known)) return sequence(open, rawString(style, known, path, schemas))
      return sequence(open, context.compile(value, path), literal(behindValue(style)))
    },
    separator: EMPTY,
  }
}

/** Members as elements, with elements in them as far as their schemas say what these are; the rest is JSON. */
function nested(style: NestedTags, schemas: SchemaRules, context: SchemaContext): MemberStyle {
  const { prefix, item } = style
  const element = (name: string, value: Schema, path: string): GrammarNode =>
    sequence(literal(`${prefix}<${name}>`), content(value, path), literal(`</${name}>`))
  /** A value, and the prefix of the tag behind it. */
  const content = (value: Schema, path: string): GrammarNode => {
    const behind = literal(prefix)
    const way = writtenAs(value)
    if (!isObject(value) || way === 'json') return sequence(context.compile(value, path), behind)
    if (way === 'text') return rawString(textWithin(style), value, path, schemas)
    checkKeywords(value, path)
    if (way === 'members') return sequence(membersNode(value, path, context, members), behind)
    const { minItems = 0, maxItems } = value as Readonly<Record<string, number | undefined>>
    const one = element(item, value['items'] as Schema, join(path, 'items'))
    return sequence(repeat(one, minItems, maxItems), behind)
  }
  const members: MemberStyle = {
    named: (name, value, path) => {
      checkName(name, path, ELEMENT_NAME)
      return element(name, value, path)
    },
    separator: EMPTY,
  }
  return members
}

/** Tags of a text within an element: it ends with the prefix of the next tag. */
function textWithin({ prefix }: NestedTags): ArgumentTags {
  return { name: '', nameEnd: '', valueEnd: prefix, callEnd: prefix }
}

/** A string without quotes and escapes, and the tag behind it, which must not be in the string. */
function rawString(
  style: ArgumentTags,
  schema: SchemaObject,
  path: string,
  schemas: SchemaRules,
): GrammarNode {
  schemas.checkTime(path)
  checkKeywords(schema, path)
  const stray = Object.keys(schema).find((key) => !OF_STRINGS.includes(key) && !isAnnotation(key))
  if (stray !== undefined)
    throw new GrammarError(
      'it cannot be honoured beside type string in the format of this model',
      join(path, stray),
    )
  const end = literal(behindValue(style))
  const values = listedValues(schema)
  if (values !== undefined) {
    for (const value of values)
      if (typeof value === 'string' && notInText(style).some((tag) => value.includes(tag)))
        throw new GrammarError(`a value that holds ${style.valueEnd} cannot be written`, path)
    return sequence(
      valuesNode(schema, values, path, (value) => textValue(style, String(value))),
      end,
    )
  }
  if (!['pattern', 'format', 'minLength', 'maxLength'].some((key) => schema[key] !== undefined))
    return textOfTag(style, schemas.rules)
  const { valueEnd, quotes } = style
  const shaped = (barred: string): GrammarNode => stringWithout(barred, schema, path, schemas)
  if (quotes === undefined) return sequence(shaped(valueEnd.slice(0, 1)), end)
  const quoted = shaped(quotes.close.slice(0, 1))
  return choice([
    sequence(shaped(quotes.needed), end),
    sequence(literal(quotes.open), quoted, literal(quotes.close), end),
  ])
}

/** A string of a given shape that holds none of these characters. */
function stringWithout(
  barred: string,
  schema: SchemaObject,
  path: string,
  { json, rules, notes }: SchemaRules,
): GrammarNode {
  const { pattern, format, minLength, maxLength } = schema
  const chars = (ranges: readonly CodeRange[]): GrammarNode | undefined => {
    const left = withoutRanges(ranges, [...barred].map(rangeOf))
    return left.length === 0 ? undefined : { type: 'set', ranges: left }
  }
  const any: GrammarNode = { type: 'set', ranges: withoutRanges(UNICODE, [...barred].map(rangeOf)) }
  return json.once(`raw ${JSON.stringify([barred, pattern, format, minLength, maxLength])}`, () =>
    stringContent(schema, path, { any, chars, rules, time: notes.time }, notes),
  )
}

/** Any text and the tag behind it: one set of rules for all. */
function textOfTag(style: ArgumentTags, rules: Map<string, GrammarNode>): GrammarNode {
  const name = 'tag-text'
  if (!rules.has(name)) rules.set(name, anyText(style, name, rules))
  return rule(name)
}

function anyText(style: ArgumentTags, name: string, rules: Map<string, GrammarNode>): GrammarNode {
  const { padding = '', valueEnd, gap = '', quotes } = style
  const end = { text: padding + valueEnd, next: gap === '' ? EMPTY : literal(gap) }
  if (quotes === undefined) return textUntil([end], rules, name, false, notInText(style))
  const behind = literal(valueEnd + gap)
  const quoted = textUntil([{ text: quotes.close, next: behind }], rules, name, false)
  const plain = repeat({ type: 'set', ranges: withoutRanges(UNICODE, [...quotes.needed].map(rangeOf)) }, 0)
  return choice([sequence(plain, behind), sequence(literal(quotes.open), quoted)])
}

/** Tags that no string may hold, as they would end it. */
function notInText({ valueEnd, callEnd, quotes }: ArgumentTags): string[] {
  return quotes === undefined ? [valueEnd, callEnd] : [quotes.close]
}

const LETTERS: readonly CodeRange[] = [
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
]
const LETTER: GrammarNode = { type: 'set', ranges: LETTERS }
const LETTER_OR_DIGIT: GrammarNode = { type: 'set', ranges: [[0x30, 0x39], ...LETTERS] }
/** Characters that end a name in one notation or another. */
const NOT_IN_NAME: readonly CodeRange[] = [...'<>"&\n'].map(rangeOf)

function checkName(name: string, path: string, pattern: RegExp): void {
  if (!pattern.test(name))
    throw new GrammarError('its name cannot be written in the format of this model', path)
}
