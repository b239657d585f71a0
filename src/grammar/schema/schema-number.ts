import { GrammarError } from '../gbnf/grammar-error.ts'
import type { GrammarNode } from '../gbnf/node.ts'
import type { JsonRules } from './json-any.ts'
import { type Bounds, boundedInteger, boundedNumber, integerLimits } from './json-number.ts'
import { oneOfTexts } from './json-string.ts'
import { join, type SchemaObject } from './schema-keywords.ts'

/** Multiples listed one by one at most. */
const MAX_MULTIPLES = 1000

/** @throws GrammarError */
export function numberNode(
  schema: SchemaObject,
  type: 'number' | 'integer',
  path: string,
  json: JsonRules,
): GrammarNode {
  const bounds = readBounds(schema)
  const free = bounds.low === undefined && bounds.high === undefined
  const multiple = schema['multipleOf'] as number | undefined
  if (multiple !== undefined && !(multiple === 1 && type === 'integer'))
    return multiples(multiple, bounds, join(path, 'multipleOf'))
  if (free) return type === 'integer' ? json.integer() : json.number()
  const node = type === 'integer' ? boundedInteger(bounds) : boundedNumber(bounds)
  if (node === undefined) throw new GrammarError('no number lies within its bounds', path)
  if (node === 'inexact')
    throw new GrammarError('bounds of more than 13 digits behind the point cannot be honoured', path)
  return node
}

function readBounds(schema: SchemaObject): Bounds {
  const { minimum, exclusiveMinimum, maximum, exclusiveMaximum } = schema as Readonly<
    Record<string, number | undefined>
  >
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

/** Integers that are multiples, listed: where the bounds leave few. */
function multiples(multiple: number, bounds: Bounds, path: string): GrammarNode {
  const [min, max] = integerLimits(bounds)
  const first = Math.ceil(min / multiple)
  const last = Math.floor(max / multiple)
  if (!Number.isInteger(multiple) || last - first >= MAX_MULTIPLES)
    throw new GrammarError(
      `it can be honoured for integers only, between bounds that leave at most ${MAX_MULTIPLES} of them`,
      path,
    )
  if (last < first) throw new GrammarError('no multiple lies within the bounds', path)
  return oneOfTexts(Array.from({ length: last - first + 1 }, (_, i) => String((first + i) * multiple || 0)))
}
