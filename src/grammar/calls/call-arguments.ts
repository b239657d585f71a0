import type { ArgumentStyle } from '../../text/tool-formats/tool-format.ts'
import { GrammarError } from '../gbnf/grammar-error.ts'
import {
  type CodeRange,
  EMPTY,
  type GrammarNode,
  literal,
  optional,
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
    const members = style === 'keywords' ? keywords(context) : tags(schema, schemas, context)
    return membersNode(schema, '', context, members)
  })
}

/** Whether arguments are written as an object, in one style or another. */
function isWhole(style: ArgumentStyle): style is 'json' | 'bare' {
  return style === 'json' || style === 'bare'
}

/** Any arguments that a format can write. */
function anyArguments(schemas: SchemaRules, style: ArgumentStyle): GrammarNode {
  if (isWhole(style)) return schemas.json.object()
  if (style === 'tags') {
    const name = repeat({ type: 'set', ranges: withoutRanges(UNICODE, NOT_IN_NAME) }, 1)
    return repeat(sequence(literal('<parameter='), name, literal('>\n'), textOfTag(schemas.rules)), 0)
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

const TAG_END = '</parameter>'
const CALL_END = '</function>'

/** Members written as tags: <parameter=a>\nvalue\n</parameter>\n, where a string is its characters, and anything else is JSON. */
function tags(schema: SchemaObject, schemas: SchemaRules, context: SchemaContext): MemberStyle {
  const described = (schema['properties'] ?? {}) as Readonly<Record<string, Schema>>
  return {
    named: (name, value, path) => {
      checkName(name, path, /^[^<>\n]+$/)
      const open = literal(`<parameter=${name}>\n`)
      if (!Object.hasOwn(described, name) || !isObject(value) || value['type'] !== 'string')
        return sequence(open, context.compile(value, path), literal(`\n${TAG_END}\n`))
      return sequence(open, rawString(value, path, schemas.rules))
    },
    separator: EMPTY,
  }
}

/** A string without quotes and escapes, and the tag behind it, which must not be in the string. */
function rawString(schema: SchemaObject, path: string, rules: Map<string, GrammarNode>): GrammarNode {
  checkKeywords(schema, path)
  const stray = Object.keys(schema).find((key) => !OF_STRINGS.includes(key) && !isAnnotation(key))
  if (stray !== undefined)
    throw new GrammarError(
      'it cannot be honoured beside type string in the format of this model',
      join(path, stray),
    )
  const end = literal(`\n${TAG_END}\n`)
  const values = listedValues(schema)
  if (values !== undefined) {
    for (const value of values)
      if (typeof value === 'string' && (value.includes(TAG_END) || value.includes(CALL_END)))
        throw new GrammarError(`a value that holds ${TAG_END} cannot be written`, path)
    return sequence(valuesNode(schema, values, path, String), end)
  }
  if (!['pattern', 'format', 'minLength', 'maxLength'].some((key) => schema[key] !== undefined))
    return textOfTag(rules)
  const chars = (ranges: readonly CodeRange[]): GrammarNode | undefined => {
    const left = withoutRanges(ranges, NOT_RAW)
    return left.length === 0 ? undefined : { type: 'set', ranges: left }
  }
  const any: GrammarNode = { type: 'set', ranges: withoutRanges(UNICODE, NOT_RAW) }
  return sequence(stringContent(schema, path, { any, chars }), end)
}

/** Any text and the tag behind it: one set of rules for all. */
function textOfTag(rules: Map<string, GrammarNode>): GrammarNode {
  const name = 'tag-text'
  if (!rules.has(name)) {
    const end = { text: `\n${TAG_END}`, next: literal('\n') }
    rules.set(name, textUntil([end], rules, name, false, [TAG_END, CALL_END]))
  }
  return rule(name)
}

const LETTERS: readonly CodeRange[] = [
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
]
const LETTER: GrammarNode = { type: 'set', ranges: LETTERS }
const LETTER_OR_DIGIT: GrammarNode = { type: 'set', ranges: [[0x30, 0x39], ...LETTERS] }
const NOT_IN_NAME: readonly CodeRange[] = [
  [0x0a, 0x0a],
  [0x3c, 0x3c],
  [0x3e, 0x3e],
]

/** The character that tags begin with: without it, a string of a given shape cannot hold a tag. */
const NOT_RAW: readonly CodeRange[] = [[0x3c, 0x3c]]

function checkName(name: string, path: string, pattern: RegExp): void {
  if (!pattern.test(name))
    throw new GrammarError('its name cannot be written in the format of this model', path)
}
