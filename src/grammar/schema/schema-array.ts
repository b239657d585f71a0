import { GrammarError } from '../gbnf/grammar-error.ts'
import { GRAMMAR_LIMITS } from '../gbnf/limits.ts'
import { EMPTY, type GrammarNode, optional, repeat, sequence } from '../gbnf/node.ts'
import { bracketed, COMMA } from './json-any.ts'
import type { SchemaContext } from './schema-context.ts'
import { join, type Schema, type SchemaObject } from './schema-keywords.ts'

/** @throws GrammarError */
export function arrayNode(schema: SchemaObject, path: string, context: SchemaContext): GrammarNode {
  const { minItems: min = 0, maxItems: max } = schema as Readonly<Record<string, number | undefined>>
  for (const name of ['minItems', 'maxItems']) checkCount(schema[name], join(path, name))
  if (max !== undefined && max < min) throw new GrammarError("it is below 'minItems'", join(path, 'maxItems'))
  const { first, rest } = readItems(schema, path)
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

function checkCount(count: unknown, path: string): void {
  if (typeof count === 'number' && count > GRAMMAR_LIMITS.repetitions)
    throw new GrammarError(`counts above ${GRAMMAR_LIMITS.repetitions} cannot be honoured`, path)
}
