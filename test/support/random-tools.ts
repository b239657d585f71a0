import { BARE_STYLE } from '../../src/grammar/calls/bare-style.ts'
import { PYTHON_STYLE } from '../../src/grammar/schema/value-style.ts'
import { type NestedTags, writtenAs } from '../../src/text/tool-formats/nested-arguments.ts'
import { beforeValue, behindValue, textValue } from '../../src/text/tool-formats/tagged-arguments.ts'
import { type CallNotation, ID } from '../../src/text/tool-formats/tool-format.ts'
import { isText, propertyOf } from '../../src/text/tool-formats/untyped-value.ts'
import type { Random } from './random.ts'
import { RandomSchemas, type TestSchema } from './random-schema.ts'

export interface RandomTool {
  readonly name: string
  readonly parameters: TestSchema
  /** Draws valid arguments, in the schema's order. */
  readonly value: () => Readonly<Record<string, unknown>>
}

const NAMES = ['get', 'get_weather', 'get-weather', 'f', 'F2'] as const

/** Tools with arguments of random schemas. */
export function randomTools(below: Random): RandomTool[] {
  const schemas = new RandomSchemas(below)
  const names = NAMES.filter(() => below(2) === 0)
  return (names.length === 0 ? ['only'] : names).map((name) => {
    const members = ['a', 'city', 'b_2', 'cities'].slice(below(4)).map((key) => ({
      key,
      drawn: below(3) === 0 ? { schema: { type: 'string' }, value: () => 'x\n"y\\ é</b>' } : schemas.draw(),
      needed: below(2) === 0,
    }))
    const $defs = Object.assign(
      {},
      ...members.map(({ drawn }) => (drawn.schema as TestSchema)['$defs'] ?? {}),
    )
    // Each may bring its own `node`: one that does not fit the others is left out.
    const used = members.filter(({ drawn }, index) => {
      const own = (drawn.schema as TestSchema)['$defs']
      return own === undefined || members.findLastIndex((one) => '$defs' in one.drawn.schema) === index
    })
    return {
      name,
      parameters: {
        type: 'object',
        properties: Object.fromEntries(used.map(({ key, drawn }) => [key, drawn.schema])),
        required: used.filter(({ needed }) => needed).map(({ key }) => key),
        additionalProperties: false,
        $defs,
      },
      value: () =>
        Object.fromEntries(
          used.filter(({ needed }) => needed || below(2) === 0).map(({ key, drawn }) => [key, drawn.value()]),
        ),
    }
  })
}

/** Calls as a model that keeps to the notation writes them. @param first number, where they are numbered. */
export function writeCalls(
  notation: CallNotation,
  calls: readonly (readonly [tool: RandomTool, args: Readonly<Record<string, unknown>>])[],
  first = 0,
): string {
  const { begin = '', open, close, between = '', end = '', ids } = notation
  const texts = calls.map(([tool, args], index) => {
    // An id that a model would make up.
    const id = ids === 'letters' ? `call00000${index}` : String(first + index)
    return open(tool.name).replaceAll(ID, id) + writeArguments(notation, tool, args) + close
  })
  return begin + texts.join(between) + end
}

function writeArguments(
  { arguments: style = 'json' }: CallNotation,
  { parameters }: RandomTool,
  args: Readonly<Record<string, unknown>>,
): string {
  const pairs = Object.entries(args)
  if (style === 'json') return JSON.stringify(args)
  if (style === 'bare') return BARE_STYLE.write(args)
  if (style === 'keywords')
    return pairs.map(([key, value]) => `${key}=${PYTHON_STYLE.write(value)}`).join(', ')
  if ('prefix' in style)
    return pairs.map(([key, value]) => writeElement(style, key, value, parameters)).join('')
  const properties = parameters['properties'] as Readonly<Record<string, unknown>>
  return pairs
    .map(([key, value]) => {
      const schema = properties[key]
      const text = isText(schema) ? textValue(style, String(value)) : JSON.stringify(value)
      return beforeValue(style, key, schema) + text + behindValue(style)
    })
    .join('')
}

function writeElement(style: NestedTags, name: string, value: unknown, parent: unknown): string {
  const schema = propertyOf(parent, name) ?? (parent as { items?: unknown }).items
  const way = writtenAs(schema)
  const { prefix, item } = style
  const within = (): string => {
    if (way === 'text') return String(value)
    if (way === 'json') return JSON.stringify(value)
    const parts =
      way === 'items' ? (value as unknown[]).map((one) => [item, one]) : Object.entries(value as object)
    return parts.map(([key, one]) => writeElement(style, key as string, one, schema)).join('')
  }
  return `${prefix}<${name}>${within()}${prefix}</${name}>`
}
