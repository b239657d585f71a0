import { GrammarError, NothingError } from '../gbnf/grammar-error.ts'
import type { GrammarNode } from '../gbnf/node.ts'
import type { CompileTime } from './compile-time.ts'
import type { JsonRules } from './json-any.ts'
import { type Bounds, boundedInteger, boundedNumber, integerLimits } from './json-number.ts'
import { oneOfTexts } from './json-string.ts'
import { both, type Pattern } from './pattern.ts'
import { patternGrammar } from './pattern-grammar.ts'
import { join, type SchemaObject } from './schema-keywords.ts'

/** Multiples listed one by one at most. */
const MAX_MULTIPLES = 1000

/** @throws GrammarError */
export function numberNode(
  schema: SchemaObject,
  type: 'number' | 'integer',
  path: string,
  json: JsonRules,
  time: CompileTime,
): GrammarNode {
  const bounds = readBounds(schema)
  const free = bounds.low === undefined && bounds.high === undefined
  const multiple = schema['multipleOf'] as number | undefined
  if (multiple !== undefined && !(multiple === 1 && type === 'integer'))
    return multiples(multiple, type, bounds, path, json, time)
  if (free) return type === 'integer' ? json.integer() : json.number()
  const node = type === 'integer' ? boundedInteger(bounds) : boundedNumber(bounds)
  if (node === undefined) throw new NothingError('no number lies within its bounds', path)
  if (node === 'inexact')
    throw new GrammarError('bounds of more than 13 digits behind the point cannot be honoured', path)
  return node
}

function readBounds(schema: SchemaObject): Bounds {
  const { exclusiveMinimum, exclusiveMaximum, ...others } = schema as Readonly<
    Record<string, number | undefined>
  >
  // OpenAPI's. Other formats of numbers are wider than what is written.
  const isSmall = schema['format'] === 'int32'
  const minimum = isSmall ? Math.max(others['minimum'] ?? -(2 ** 31), -(2 ** 31)) : others['minimum']
  const maximum = isSmall ? Math.min(others['maximum'] ?? 2 ** 31 - 1, 2 ** 31 - 1) : others['maximum']
  const lowExclusive =
    exclusiveMinimum !== undefined && (minimum === undefined || exclusiveMinimum >= minimum)
  const highExclusive =
    exclusiveMaximum !== undefined && (maximum === undefined || exclusiveMaximum <= maximum)
  return {
    low: lowExclusive ? exclusiveMinimum : minimum,
    lowExclusive,
    high: highExclusive ? exclusiveMaximum : maximum,
    highExclusive,
  }
}

/** Multiples within bounds: listed where they are few integers. @throws GrammarError */
function multiples(
  multiple: number,
  type: 'number' | 'integer',
  bounds: Bounds,
  path: string,
  json: JsonRules,
  time: CompileTime,
): GrammarNode {
  const at = join(path, 'multipleOf')
  const [min, max] = integerLimits(bounds)
  const first = Math.ceil(min / multiple)
  const last = Math.floor(max / multiple)
  if (Number.isInteger(multiple) && last - first < MAX_MULTIPLES) {
    if (last < first) throw new NothingError('no multiple lies within the bounds', at)
    return oneOfTexts(Array.from({ length: last - first + 1 }, (_, i) => String((first + i) * multiple || 0)))
  }
  const decimal = /^(\d{1,5})(?:\.(\d{1,9}))?$/.exec(String(multiple))
  if (decimal === null) throw new GrammarError('such a number cannot be honoured', at)
  const [, whole = '', fraction = ''] = decimal
  const node = type === 'integer' ? boundedInteger(bounds) : boundedNumber(bounds)
  if (node === undefined) throw new NothingError('no number lies within its bounds', path)
  if (node === 'inexact') throw new GrammarError('it cannot be honoured within such bounds', at)
  const pattern: Pattern = { type: 'multiple', of: Number(whole + fraction), places: fraction.length }
  try {
    // Numbers refer to no rules.
    return patternGrammar(both(node as Pattern, pattern), {
      chars: (ranges) => ({ type: 'set', ranges }),
      rules: json.rules,
      time,
    })
  } catch (error) {
    if (error instanceof NothingError) throw new NothingError('no multiple lies within the bounds', at)
    throw error instanceof GrammarError ? new GrammarError(error.message, at) : error
  }
}
