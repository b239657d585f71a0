import { GrammarError } from '../gbnf/grammar-error.ts'
import { lengthsOf } from '../gbnf/lengths.ts'
import { GRAMMAR_LIMITS } from '../gbnf/limits.ts'
import { type GrammarNode, literal, repeat, sequence } from '../gbnf/node.ts'
import type { JsonRules } from './json-any.ts'
import { compileFormat, compileFormatWithin } from './json-format.ts'
import { jsonChars, quotedString } from './json-string.ts'
import { compileRegex, type RegexOptions } from './regex.ts'
import { join, type SchemaObject } from './schema-keywords.ts'

/** Spelling of a string's characters. */
export interface StringSpelling {
  readonly any: GrammarNode
  /** One character out of these; undefined when none of them can be written. */
  readonly chars: RegexOptions['chars']
}

/** Keywords that say what the characters of a string are, or how many there are. */
const SHAPING = ['pattern', 'format', 'minLength', 'maxLength']

/** @throws GrammarError */
export function stringNode(schema: SchemaObject, path: string, json: JsonRules): GrammarNode {
  const { strings } = json.style
  if (strings === undefined)
    return quotedString(stringContent(schema, path, { any: json.char(), chars: jsonChars }))
  const isShaped = SHAPING.some((keyword) => schema[keyword] !== undefined)
  if (!isShaped) return json.string()
  const mark = literal(strings.mark)
  return sequence(mark, stringContent(schema, path, { any: strings.char, chars: strings.chars }), mark)
}

/** A string without its quotes. @throws GrammarError */
export function stringContent(
  schema: SchemaObject,
  path: string,
  { any, chars }: StringSpelling,
): GrammarNode {
  const { pattern, format } = schema as Readonly<Record<string, string | undefined>>
  const { minLength = 0, maxLength } = schema as Readonly<Record<string, number | undefined>>
  if (pattern === undefined && format === undefined) {
    checkCount(minLength, join(path, 'minLength'))
    if (maxLength !== undefined) checkCount(maxLength, join(path, 'maxLength'))
    if ((maxLength ?? minLength) < minLength)
      throw new GrammarError("it is below 'minLength'", join(path, 'maxLength'))
    return repeat(any, minLength, maxLength)
  }
  const node = shapedNode(pattern, format, path, chars)
  const lengths = lengthsOf(node)
  const shaped = pattern === undefined ? 'format' : 'pattern'
  if (lengths.min < minLength)
    throw new GrammarError(
      `it can be honoured beside '${shaped}' only where that implies it`,
      join(path, 'minLength'),
    )
  if (maxLength !== undefined && lengths.max > maxLength)
    throw new GrammarError(
      `it can be honoured beside '${shaped}' only where that implies it`,
      join(path, 'maxLength'),
    )
  return node
}

function shapedNode(
  pattern: string | undefined,
  format: string | undefined,
  path: string,
  chars: RegexOptions['chars'],
): GrammarNode {
  if (pattern === undefined) return at(join(path, 'format'), () => compileFormat(format ?? ''))
  if (format === undefined) {
    return at(join(path, 'pattern'), () => compileRegex(pattern, { chars, unanchored: true }))
  }
  at(join(path, 'format'), () => compileFormat(format))
  const both = at(join(path, 'pattern'), () => compileFormatWithin(format, pattern))
  if (both !== undefined) return both
  throw new GrammarError(
    `it can be honoured beside 'format' only where that implies it`,
    join(path, 'pattern'),
  )
}

function checkCount(count: number, path: string): void {
  if (count > GRAMMAR_LIMITS.repetitions)
    throw new GrammarError(`lengths above ${GRAMMAR_LIMITS.repetitions} cannot be honoured`, path)
}

/** Runs a part's compiler; its error leads to the part. */
function at<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof GrammarError && error.path === '') throw new GrammarError(error.message, path)
    throw error
  }
}
