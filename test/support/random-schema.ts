import type { Random } from './random.ts'

export type TestSchema = Record<string, unknown>

interface Drawn {
  readonly schema: TestSchema
  /** Draws a value that is valid, with its properties in the schema's order. */
  readonly value: () => unknown
}

const NAMES = ['a', 'b', 'name', 'na', 'x y', '"', 'é', '::=', 'list', '1']
const LETTERS = ['a', 'Z', '0', ' ', '"', '\\', '\n', 'é', '日', '😀', '/', '\u0001']
const PATTERNS: readonly (readonly [string, readonly string[]])[] = [
  ['^[a-z]{2,4}$', ['ab', 'wxyz']],
  ['^\\d{3}-\\d{4}$', ['123-4567']],
  ['b+', ['b', 'abba', 'xbb"']],
  ['^(?:GET|PUT) /\\w*', ['GET /', 'PUT /abc?']],
  ['^"?\\\\n$', ['"\\n', '\\n']],
  ['^$|^x', ['', 'xyz']],
]
const FORMATS: readonly (readonly [string, string])[] = [
  ['date', '2024-02-28'],
  ['time', '23:59:59Z'],
  ['date-time', '1999-12-31T00:00:00.5+02:00'],
  ['uuid', '123e4567-e89b-12d3-a456-426614174000'],
  ['ipv4', '192.168.0.255'],
  ['ipv6', '2001:db8::8a2e:370:7334'],
  ['hostname', 'www.example.org'],
  ['uri', 'https://example.org:8080/a/b%20c?d=e&f#g'],
  ['duration', 'P1Y2M3DT4H5M6S'],
  ['email', 'jo.doe@example.org'],
]

/** Draws schemas of every honoured keyword, each with values that are valid for it. */
export class RandomSchemas {
  readonly #below: Random

  constructor(below: Random) {
    this.#below = below
  }

  draw(): Drawn {
    const { schema, value } = this.#any(3)
    if (this.#below(4) > 0) return { schema, value }
    const node = this.#any(1)
    const next = { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] }
    const properties = { value: node.schema, next }
    const list = (depth: number): unknown => ({
      value: node.value(),
      next: depth > 0 ? list(depth - 1) : null,
    })
    return {
      schema: {
        type: 'object',
        properties: { first: schema, chain: { $ref: '#/$defs/node' } },
        required: ['first', 'chain'],
        $defs: { node: { type: 'object', properties, required: ['value', 'next'] } },
      },
      value: () => ({ first: value(), chain: list(this.#below(4)) }),
    }
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#below(items.length)] as T
  }

  #any(depth: number): Drawn {
    const plain = [
      () => this.#string(),
      () => this.#shaped(),
      () => this.#integer(),
      () => this.#number(),
      () => this.#enum(),
      () => this.#nullable(),
      (): Drawn => ({ schema: { type: 'boolean' }, value: () => this.#below(2) === 1 }),
      (): Drawn => ({ schema: { type: 'null', title: 'nothing' }, value: () => null }),
    ]
    if (depth === 0) return this.#pick(plain)()
    const nested = [
      () => this.#object(depth - 1),
      () => this.#array(depth - 1),
      () => this.#tuple(depth - 1),
      () => this.#map(depth - 1),
      () => this.#anyOf(depth - 1),
      () => this.#allOf(depth - 1),
      () => this.#oneOf(depth - 1),
    ]
    return this.#pick([...plain, ...nested, ...nested])()
  }

  #text(min: number, max: number): string {
    return Array.from({ length: min + this.#below(max - min + 1) }, () => this.#pick(LETTERS)).join('')
  }

  #string(): Drawn {
    const minLength = this.#below(4)
    const maxLength = minLength + this.#below(9)
    const bounds = this.#pick([{}, { minLength }, { maxLength }, { minLength, maxLength }])
    return { schema: { type: 'string', ...bounds }, value: () => this.#text(minLength, maxLength) }
  }

  #shaped(): Drawn {
    if (this.#below(2) === 0) {
      const [pattern, texts] = this.#pick(PATTERNS)
      return { schema: { type: 'string', pattern }, value: () => this.#pick(texts) }
    }
    const [format, text] = this.#pick(FORMATS)
    return { schema: { type: 'string', format }, value: () => text }
  }

  #integer(): Drawn {
    const low = this.#below(4000) - 2000
    const span = this.#pick([1, 9, 87, 3000])
    const bounds = this.#pick([
      { minimum: low },
      { maximum: low + span },
      { minimum: low, maximum: low + span },
      { exclusiveMinimum: low - 1, exclusiveMaximum: low + span + 1 },
      { minimum: low - 0.5, maximum: low + span + 0.5 },
    ])
    return { schema: { type: 'integer', ...bounds }, value: () => low + this.#below(span + 1) }
  }

  #number(): Drawn {
    const scale = this.#pick([1, 10, 1000])
    const low = (this.#below(4000) - 2000) / scale
    const round = (value: number): number => Number(value.toFixed(6))
    const high = round(low + this.#below(3000) / scale + 0.5)
    const bounds = this.#pick([
      {},
      { minimum: low },
      { exclusiveMaximum: round(high + 0.125) },
      { minimum: low, maximum: high },
      { exclusiveMinimum: round(low - 0.25), maximum: high },
    ])
    return {
      schema: { type: 'number', ...bounds },
      value: () => round(low + ((high - low) * this.#below(1001)) / 1000),
    }
  }

  #enum(): Drawn {
    const values = [...new Set([1, null, true, 'yes', 'yesterday', '"', '', -2.5, ...NAMES])].filter(
      () => this.#below(2) === 0,
    )
    if (values.length === 0) return { schema: { const: { k: [1, 'x'] } }, value: () => ({ k: [1, 'x'] }) }
    return { schema: { enum: values }, value: () => this.#pick(values) }
  }

  #nullable(): Drawn {
    return {
      schema: { type: ['string', 'null', 'integer'], maxLength: 5, minimum: 3 },
      value: () => this.#pick([null, 3, 44, 'abc', '']),
    }
  }

  #object(depth: number): Drawn {
    const names = NAMES.filter(() => this.#below(3) === 0)
    const members = names.map((name) => ({ name, drawn: this.#any(depth), needed: this.#below(2) === 0 }))
    const properties = Object.fromEntries(members.map(({ name, drawn }) => [name, drawn.schema]))
    const required = members.filter(({ needed }) => needed).map(({ name }) => name)
    const more = this.#pick([
      {},
      { additionalProperties: false },
      { additionalProperties: { type: 'integer' } },
    ])
    // Integer-like names come first in any JavaScript object.
    const order = Object.keys(properties)
    return {
      schema: { type: 'object', properties, required, ...more },
      value: () => {
        const pairs = order.flatMap((name): [string, unknown][] => {
          const member = members.find((one) => one.name === name)
          return member !== undefined && (member.needed || this.#below(2) === 0)
            ? [[name, member.drawn.value()]]
            : []
        })
        const extra: [string, unknown][] =
          typeof more.additionalProperties === 'object' && this.#below(2) === 0 ? [['nam', 5]] : []
        return Object.fromEntries([...pairs, ...extra])
      },
    }
  }

  #map(depth: number): Drawn {
    const item = this.#any(depth)
    return {
      schema: { type: 'object', additionalProperties: item.schema, maxProperties: 3 },
      value: () =>
        Object.fromEntries(['k', 'l"', 'm'].slice(this.#below(4)).map((key) => [key, item.value()])),
    }
  }

  #array(depth: number): Drawn {
    const item = this.#any(depth)
    const minItems = this.#below(3)
    const maxItems = minItems + this.#below(3)
    const bounds = this.#pick([{}, { minItems }, { maxItems }, { minItems, maxItems }])
    return {
      schema: { type: 'array', items: item.schema, ...bounds },
      value: () =>
        Array.from({ length: minItems + this.#below(maxItems - minItems + 1) }, () => item.value()),
    }
  }

  #tuple(depth: number): Drawn {
    const heads = [this.#any(depth), this.#any(depth)]
    const minItems = this.#below(4)
    const items = { type: 'integer' }
    return {
      schema: { type: 'array', prefixItems: heads.map(({ schema }) => schema), items, minItems },
      value: () => {
        const length = minItems + this.#below(3)
        return Array.from({ length }, (_, index) => heads[index]?.value() ?? (heads[index] ? null : 7))
      },
    }
  }

  #anyOf(depth: number): Drawn {
    const branches = [this.#any(depth), this.#any(depth)]
    return {
      schema: { anyOf: branches.map(({ schema }) => schema) },
      value: () => this.#pick(branches).value(),
    }
  }

  #oneOf(depth: number): Drawn {
    const branch = (kind: string): Drawn => {
      const more = this.#any(depth)
      const properties = { kind: { const: kind }, more: more.schema }
      return {
        schema: { type: 'object', properties, required: ['kind', 'more'], additionalProperties: false },
        value: () => ({ kind, more: more.value() }),
      }
    }
    const branches = [branch('cat'), branch('car')]
    return {
      schema: { oneOf: branches.map(({ schema }) => schema) },
      value: () => this.#pick(branches).value(),
    }
  }

  #allOf(depth: number): Drawn {
    const [a, b] = [this.#any(depth), this.#any(depth)]
    return {
      schema: {
        allOf: [
          { type: 'object', properties: { a: a.schema, n: { minimum: 2 } }, required: ['a'] },
          { properties: { b: b.schema, n: { type: 'integer', maximum: 9 } }, required: ['n'] },
        ],
      },
      value: () => ({ a: a.value(), n: 2 + this.#below(8), b: b.value() }),
    }
  }
}
