import { GrammarError, NothingError } from '../gbnf/grammar-error.ts'
import { GRAMMAR_LIMITS } from '../gbnf/limits.ts'
import { type GrammarNode, literal, repeat, sequence } from '../gbnf/node.ts'
import { sizeOf } from './automaton.ts'
import type { CompileNotes } from './compile-notes.ts'
import type { JsonRules } from './json-any.ts'
import { formatPattern, isAnnotationFormat, KNOWN_FORMATS } from './json-format.ts'
import { jsonChars, quotedString } from './json-string.ts'
import { both, cutTo, type Lengths, lengthsOf, ofLength, type Pattern, shortened } from './pattern.ts'
import { patternGrammar, type Spelling } from './pattern-grammar.ts'
import { parseRegex } from './regex.ts'
import { AllPatterns, join, type SchemaObject } from './schema-keywords.ts'

/** States of a shape, times the lengths that are distinguished, at most: for texts that are shortened, and for those that are as long as asked for. */
const MAX_LONG_STATES = 1500
const MAX_EXACT_STATES = 12_000
/** Characters of a shape above which its lengths are not counted. */
const MAX_COUNTED_LENGTH = 1000

/** Spelling of a string's characters. */
export interface StringSpelling extends Spelling {
  /** Any one character. */
  readonly any: GrammarNode
}

/** Keywords that say what the characters of a string are, or how many there are. */
const SHAPING = ['pattern', 'format', 'minLength', 'maxLength']

/** @throws GrammarError */
export function stringNode(
  schema: SchemaObject,
  path: string,
  json: JsonRules,
  notes: CompileNotes,
): GrammarNode {
  const { rules } = json
  const { time } = notes
  const { strings } = json.style
  const { pattern, format, minLength, maxLength } = schema
  if (strings !== undefined && !SHAPING.some((keyword) => schema[keyword] !== undefined)) return json.string()
  const make = (): GrammarNode => {
    if (strings === undefined)
      return quotedString(
        stringContent(schema, path, { any: json.char(), chars: jsonChars, rules, time }, notes),
      )
    const mark = literal(strings.mark)
    const spelling = { any: strings.char, chars: strings.chars, rules, time }
    return sequence(mark, stringContent(schema, path, spelling, notes), mark)
  }
  if (pattern === undefined && format === undefined) return make()
  return json.once(`string ${JSON.stringify([pattern, format, minLength, maxLength])}`, make)
}

/** A string without its quotes. @throws GrammarError */
export function stringContent(
  schema: SchemaObject,
  path: string,
  spelling: StringSpelling,
  notes: CompileNotes,
): GrammarNode {
  const { min, max } = lengthBounds(schema, path)
  const shapes = shapesOf(schema, path)
  if (shapes.length === 0) return repeat(spelling.any, min, max)
  // A pattern is written as it stands, where it can be.
  if (schema['pattern'] !== undefined) notes.hasManyWays = true
  const shape = both(...shapes.map(({ pattern }) => pattern))
  const at = shapes.at(-1)?.path ?? path
  const implied = lengthsOf(shape)
  if (implied.min >= min && (max === undefined || implied.max <= max))
    return blamed(at, () => patternGrammar(shape, spelling))
  const most = Math.min(implied.max, max ?? Number.POSITIVE_INFINITY)
  return withLengths(shape, { min, max: most }, path, {
    at,
    spelling,
    notes,
  })
}

/** The texts that a schema of strings admits. @throws GrammarError */
export function stringPattern(schema: SchemaObject, path: string): Pattern {
  const { min, max } = lengthBounds(schema, path)
  const shapes = shapesOf(schema, path).map(({ pattern }) => pattern)
  return min === 0 && max === undefined && shapes.length > 0
    ? both(...shapes)
    : both(...shapes, ofLength(min, max))
}

function lengthBounds(schema: SchemaObject, path: string): { min: number; max: number | undefined } {
  const { minLength: min = 0, maxLength: max } = schema as Readonly<Record<string, number | undefined>>
  if (min > GRAMMAR_LIMITS.counts)
    throw new GrammarError(
      `lengths above ${GRAMMAR_LIMITS.counts} cannot be honoured`,
      join(path, 'minLength'),
    )
  if (max !== undefined && max < min)
    throw new GrammarError("it is below 'minLength'", join(path, 'maxLength'))
  return { min, max: max === undefined ? undefined : Math.min(max, GRAMMAR_LIMITS.counts) }
}

interface Shape {
  readonly pattern: Pattern
  readonly path: string
}

/** The keywords that describe a string's characters: a format, and patterns, of which a merged schema may have several. */
function shapesOf({ pattern, format }: SchemaObject, path: string): Shape[] {
  const shapes: Shape[] = []
  if (typeof format === 'string' && !isAnnotationFormat(format)) {
    const at = join(path, 'format')
    const known = formatPattern(format)
    if (known === undefined)
      throw new GrammarError(`the formats that can be honoured are ${KNOWN_FORMATS.join(', ')}`, at)
    shapes.push({ pattern: known, path: at })
  }
  const all = pattern instanceof AllPatterns ? pattern.patterns : pattern === undefined ? [] : [pattern]
  for (const source of all) {
    const at = join(path, 'pattern')
    shapes.push({ pattern: blamed(at, () => parseRegex(source as string, 'anywhere')), path: at })
  }
  return shapes
}

/** Texts of a shape within bounds that it does not imply. Where that is too large for a grammar, they are shorter than they might be. */
function withLengths(
  shape: Pattern,
  { min, max }: Lengths,
  path: string,
  { at, spelling, notes }: { at: string; spelling: StringSpelling; notes: CompileNotes },
): GrammarNode {
  if (max < min) throw new NothingError('no text is admitted', join(path, 'minLength'))
  const least = Math.max(min, lengthsOf(shape).min)
  const implied = lengthsOf(shape)
  const isLong = Number.isFinite(implied.max) && implied.max > MAX_COUNTED_LENGTH && min <= implied.min
  const cut = isLong ? cutTo(shape, max) : undefined
  if (cut !== undefined) {
    notes.change(join(path, 'maxLength'))
    return blamed(at, () => patternGrammar(cut, spelling))
  }
  const size = blamed(at, () => sizeOf(shape, notes.time))
  const isTooLong = Number.isFinite(max) && max * size > MAX_EXACT_STATES
  const short = isTooLong && min <= lengthsOf(shape).min ? shortened(shape, max) : undefined
  if (short !== undefined) {
    if (!short.isExact) notes.change(join(path, 'maxLength'))
    return blamed(at, () => patternGrammar(short.pattern, spelling))
  }
  // Each state may be there once for each length.
  const affordable = Math.max(least, Math.floor(MAX_LONG_STATES / size))
  let most = isTooLong ? affordable : max
  for (;;) {
    try {
      const bound = ofLength(min, Number.isFinite(most) ? most : undefined)
      const node = patternGrammar(both(shape, bound), spelling)
      if (most !== max) notes.change(join(path, 'maxLength'))
      return node
    } catch (error) {
      if (!(error instanceof GrammarError) || error.path !== '') throw error
      const isNothing = error instanceof NothingError
      const cause = isNothing && min > 0 ? join(path, 'minLength') : at
      // There may be texts that are longer than what can be afforded.
      if (isNothing && most !== max)
        throw new GrammarError('its texts are too many to be written out with such lengths', at)
      if (isNothing) throw new NothingError(error.message, cause)
      if (most <= affordable || !Number.isFinite(most)) throw new GrammarError(error.message, cause)
      most = affordable
    }
  }
}

/** Runs a part's compiler; its error leads to the part. */
function blamed<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof NothingError && error.path === '') throw new NothingError(error.message, path)
    if (error instanceof GrammarError && error.path === '') throw new GrammarError(error.message, path)
    throw error
  }
}
