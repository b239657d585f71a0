import { GrammarError, NothingError } from '../gbnf/grammar-error.ts'
import { GRAMMAR_LIMITS } from '../gbnf/limits.ts'
import { EMPTY, type GrammarNode, literal, optional, repeat, sequence } from '../gbnf/node.ts'
import { bracketed, COMMA } from './json-any.ts'
import type { SchemaContext } from './schema-context.ts'
import { isObject, join, listedValues, type Schema, type SchemaObject } from './schema-keywords.ts'
import { inOrder } from './schema-object.ts'

/** Values of which some may be listed at most. */
const MAX_DISTINCT = 64

/** @throws GrammarError */
export function arrayNode(schema: SchemaObject, path: string, context: SchemaContext): GrammarNode {
  const { minItems: min = 0, maxItems } = schema as Readonly<Record<string, number | undefined>>
  const max = maxItems === undefined ? undefined : Math.min(maxItems, GRAMMAR_LIMITS.counts)
  if (min > GRAMMAR_LIMITS.counts)
    throw new GrammarError(`counts above ${GRAMMAR_LIMITS.counts} cannot be honoured`, join(path, 'minItems'))
  if (max !== undefined && max < min) throw new NothingError("it is below 'minItems'", join(path, 'maxItems'))
  const { first, rest } = readItems(schema, path)
  if (schema['uniqueItems'] === true && (max === undefined || max > 1))
    return distinctItems(first, rest, { min, max }, path, context)
  const heads = first
    .slice(0, max)
    .map((item, index) => context.compile(item, join(path, 'prefixItems', index)))
  const more = max === undefined ? undefined : Math.max(0, max - heads.length)
  if (rest === false && heads.length < min)
    throw new GrammarError("there are fewer 'prefixItems'", join(path, 'minItems'))
  const tail =
    rest === false || more === 0
      ? EMPTY
      : tailNode(
          context.compile(rest, join(path, 'items')),
          Math.max(0, min - heads.length),
          more,
          heads.length > 0,
        )
  return bracketed('[', withHeads(heads, min, tail), ']')
}

/** Draft 7 writes prefixItems as a list in `items`, and the rest as `additionalItems`. */
function readItems(schema: SchemaObject, path: string): { first: readonly Schema[]; rest: Schema } {
  const { items, prefixItems, additionalItems } = schema as Readonly<Record<string, unknown>>
  if (Array.isArray(items)) {
    if (prefixItems !== undefined)
      throw new GrammarError("it is a list beside 'items'", join(path, 'prefixItems'))
    return { first: items as Schema[], rest: (additionalItems as Schema | undefined) ?? false }
  }
  if (prefixItems === undefined) return { first: [], rest: (items as Schema | undefined) ?? true }
  return { first: prefixItems as Schema[], rest: (items as Schema | undefined) ?? false }
}

/** Items behind those of the prefix, or from the start. */
function tailNode(item: GrammarNode, min: number, max: number | undefined, follows: boolean): GrammarNode {
  const next = sequence(COMMA, item)
  if (follows) return repeat(next, min, max)
  const all = sequence(item, repeat(next, Math.max(0, min - 1), max === undefined ? undefined : max - 1))
  return min === 0 ? optional(all) : all
}

/** An array may end within its prefix once `min` is reached. */
function withHeads(heads: readonly GrammarNode[], min: number, tail: GrammarNode): GrammarNode {
  let node = tail
  for (const [index, head] of [...heads.entries()].reverse()) {
    const item = sequence(index === 0 ? head : sequence(COMMA, head), node)
    node = index >= min ? optional(item) : item
  }
  return node
}

/** Items that differ: where they are listed, some of them, in the order of the list. @throws GrammarError */
function distinctItems(
  first: readonly Schema[],
  rest: Schema,
  { min, max }: { readonly min: number; readonly max: number | undefined },
  path: string,
  context: SchemaContext,
): GrammarNode {
  const at = join(path, 'uniqueItems')
  const items = first.length > 0 ? undefined : context.flat(rest, join(path, 'items'))
  const { type } = isObject(items) ? items : {}
  const values = isObject(items)
    ? (listedValues(items) ?? (type === 'boolean' ? [true, false] : undefined))
    : undefined
  if (values === undefined || values.length > MAX_DISTINCT)
    throw new GrammarError(
      `that items differ can be honoured where 'items' lists at most ${MAX_DISTINCT} values`,
      at,
    )
  const members = [...new Set(values.map((value) => context.json.style.write(value)))].map((text) => {
    return { pair: literal(text), required: false }
  })
  if (members.length < min) throw new NothingError('there are fewer values', join(path, 'minItems'))
  const counts = { min, max: max !== undefined && max >= members.length ? undefined : max }
  const define = (node: GrammarNode): GrammarNode => context.define(node)
  return bracketed('[', inOrder(members, undefined, COMMA, { ...counts, path, define }), ']')
}
