import { describe, expect, it, vi } from 'vitest'
import { compileConstraint, grammarOf } from '../../src/grammar/compile-grammar.ts'
import { GrammarError } from '../../src/grammar/gbnf/grammar-error.ts'
import { Matcher } from '../../src/grammar/gbnf/matcher.ts'
import { GrammarWalk } from '../support/grammar-walk.ts'
import { cpuWatch } from '../support/patience.ts'
import { progress } from '../support/progress.ts'
import { random } from '../support/random.ts'
import { RandomSchemas } from '../support/random-schema.ts'
import { validatorOf } from '../support/validator.ts'

const constraint = (schema: unknown) => ({ kind: 'json_schema', source: JSON.stringify(schema) }) as const
/** `npm run test:schemas` draws thousands. */
const ROUNDS = Number(process.env['SCHEMA_ROUNDS'] ?? 300)
const PATIENCE = 100 * ROUNDS + 300_000
const matcherOf = (schema: unknown): Matcher => new Matcher(grammarOf(constraint(schema)))

describe('grammars of JSON schemas', () => {
  it(
    `a grammar admits valid values and generates only valid ones: ${ROUNDS} random schemas`,
    () => {
      const below = random(20_261)
      const schemas = new RandomSchemas(below)
      for (let round = 0; round < ROUNDS; round++) {
        const { schema, value } = schemas.draw()
        const where = `round ${round}: ${JSON.stringify(schema)}`
        const grammar = grammarOf(constraint(schema))
        const walk = new GrammarWalk(grammar, below)
        const matcher = new Matcher(grammar)
        const invalidity = validatorOf(schema)
        for (let draw = 0; draw < 12; draw++) {
          const text = walk.text()
          expect(invalidity(JSON.parse(text)), `${text} by ${where}`).toBeUndefined()
          expect(matcher.matches(text), `${text} by ${where}`).toBe(true)
          const instance = value()
          expect(invalidity(instance), `${JSON.stringify(instance)} by ${where}`).toBeUndefined()
          expect(matcher.matches(JSON.stringify(instance)), `${JSON.stringify(instance)} by ${where}`).toBe(
            true,
          )
        }
        progress('random schemas', round + 1, ROUNDS)
      }
    },
    PATIENCE,
  )

  it('grammars of 100 random schemas are within the limits', () => {
    const schemas = new RandomSchemas(random(7))
    for (let round = 0; round < 100; round++) {
      const { schema } = schemas.draw()
      expect(compileConstraint(constraint(schema)), JSON.stringify(schema)).toMatch(/^root ::= /m)
    }
  })

  const admits: [name: string, schema: object, yes: string[], no: string[]][] = [
    [
      'a tagged union as pydantic writes it, with a discriminator',
      {
        $defs: {
          Cat: {
            properties: { kind: { const: 'cat', title: 'Kind', type: 'string' } },
            required: ['kind'],
            title: 'Cat',
            type: 'object',
          },
          Dog: {
            properties: { kind: { const: 'dog', title: 'Kind', type: 'string' }, age: { type: 'integer' } },
            required: ['kind', 'age'],
            title: 'Dog',
            type: 'object',
          },
        },
        properties: {
          pet: {
            discriminator: {
              mapping: { cat: '#/$defs/Cat', dog: '#/$defs/Dog' },
              propertyName: 'kind',
            },
            oneOf: [{ $ref: '#/$defs/Cat' }, { $ref: '#/$defs/Dog' }],
            title: 'Pet',
          },
        },
        required: ['pet'],
        title: 'Owner',
        type: 'object',
      },
      ['{"pet":{"kind":"cat"}}', '{"pet": {"kind": "dog", "age": 3}}'],
      ['{"pet":{"kind":"dog"}}', '{"pet":{"kind":"cow"}}', '{}'],
    ],
    [
      'required and optional properties, in the order of the schema',
      { type: 'object', properties: { a: { const: 1 }, b: { const: 2 }, c: { const: 3 } }, required: ['b'] },
      ['{"b":2}', '{"a":1,"b":2}', '{"b": 2, "c": 3}', '{"a": 1,"b":2,"c":3}'],
      ['{}', '{"a":1}', '{"b":2,"a":1}', '{"b":2,}', '{,"b":2}', '{"b":  2}', '{ "b":2}', '{"b":2,"d":4}'],
    ],
    [
      'only optional properties',
      { type: 'object', properties: { a: { const: 1 }, b: { const: 2 } } },
      ['{}', '{"a":1}', '{"b":2}', '{"a":1,"b":2}'],
      ['{"b":2,"b":2}', '{"a":1,}'],
    ],
    [
      'names that are not those of other properties',
      { type: 'object', properties: { ab: { const: 1 } }, additionalProperties: { const: 2 } },
      ['{}', '{"ab":1}', '{"a":2}', '{"abc":2,"b":2}', '{"ab":1,"":2}'],
      ['{"ab":2}', '{"ab":1,"ab":2}', '{"\\u0061b":2}'],
    ],
    [
      'a required property that only additionalProperties describes',
      { type: 'object', required: ['k'], additionalProperties: { const: 2 } },
      ['{"k":2}', '{"k":2,"l":2}'],
      ['{}', '{"l":2}', '{"k":1}'],
    ],
    [
      'lengths in characters, an escape being one',
      { type: 'string', minLength: 2, maxLength: 3 },
      ['"ab"', '"😀é"', '"\\n\\u00e9\\""'],
      ['"a"', '"abcd"', '"\\ud83d\\ude00"', '"\n\n"', '"a', '"\\x41b"'],
    ],
    ['an exclusive bound', { type: 'integer', exclusiveMinimum: 0 }, ['1', '10'], ['0', '-1', '01', '1.0']],
    ['a bound between integers', { type: 'integer', minimum: 0.5, maximum: 2.5 }, ['1', '2'], ['0', '3']],
    [
      'a number above 0 and below 1',
      { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 },
      ['0.5', '0.001', '0.999999'],
      ['0', '0.0', '1', '1.0', '-0.5', '0.'],
    ],
    [
      'a negative decimal range',
      { type: 'number', minimum: -2.5, maximum: -1.25 },
      ['-2.5', '-2', '-1.25', '-1.250', '-1.26'],
      ['-2.51', '-1.24', '-1', '-1.2', '1.5', '-3'],
    ],
    [
      'both of two minimums',
      { allOf: [{ minimum: 2 }, { minimum: 5, type: 'integer' }] },
      ['5', '6'],
      ['2', '4'],
    ],
    [
      'a format whose pattern asks for less than it gives',
      {
        type: 'string',
        format: 'date-time',
        pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d(?::\\d\\d(?:\\.\\d+)?)?Z$',
      },
      ['"2024-01-31T00:00:00Z"', '"2024-01-31T00:00:00.5Z"'],
      ['"2024-01-31T00:00:00+01:00"', '"2024-01-32T00:00:00Z"'],
    ],
    [
      'a format whose pattern looks ahead for what it never begins with',
      { type: 'string', format: 'email', pattern: '^(?!\\.)(?!.*\\.\\.)[\\w.+-]+@[A-Za-z0-9.-]+$' },
      ['"a.b@c.org"'],
      ['".b@c.org"', '"a..b@c.org"', '"a"'],
    ],
    ['few multiples', { multipleOf: 5, minimum: -5, maximum: 12 }, ['-5', '0', '5', '10'], ['1', '15', '-0']],
    ['numbers of a bounded length', { type: 'integer' }, ['999999999999999'], ['1000000000000000', '00']],
    [
      'a list of some length',
      { type: 'array', items: { const: 1 }, minItems: 1, maxItems: 2 },
      ['[1]', '[1, 1]'],
      ['[]', '[1,1,1]', '[1,  1]'],
    ],
    [
      'draft 7: a list of items',
      { type: 'array', items: [{ const: 1 }, { const: 2 }], additionalItems: { const: 3 }, minItems: 2 },
      ['[1,2]', '[1,2,3,3]'],
      ['[1]', '[2,1]', '[1,2,4]'],
    ],
    ['a pattern anywhere', { type: 'string', pattern: 'b' }, ['"b"', '"abc"', '"\\nb"'], ['"a"', '""']],
    [
      'alternatives with anchors of their own',
      { type: 'string', pattern: '^a|b$' },
      ['"a"', '"ax"', '"xb"'],
      ['"xa"', '"bx"'],
    ],
    [
      'lengths that a pattern implies',
      { type: 'string', pattern: '^\\d{4}$', minLength: 2, maxLength: 4 },
      ['"1234"'],
      ['"12"'],
    ],
    [
      'no 30th of February',
      { type: 'string', format: 'date' },
      ['"2024-02-28"'],
      ['"2024-02-30"', '"2024-13-01"'],
    ],
    [
      'a reference with more beside it',
      { $ref: '#/$defs/n', minimum: 2, $defs: { n: { type: 'integer', maximum: 5 } } },
      ['2', '5'],
      ['1', '6'],
    ],
    [
      'recursion at the root',
      { type: 'object', properties: { c: { type: 'array', items: { $ref: '#' } } }, required: ['c'] },
      ['{"c":[]}', '{"c":[{"c":[]},{"c":[]}]}'],
      ['{}', '{"c":[1]}'],
    ],
    [
      'what is beside anyOf, in every branch',
      {
        type: 'object',
        properties: { a: { const: 1 }, b: { const: 2 } },
        anyOf: [{ required: ['a'] }, { required: ['b'] }],
      },
      ['{"a":1}', '{"b":2}', '{"a":1,"b":2}'],
      ['{}'],
    ],
    [
      'names that look like grammar',
      { type: 'object', properties: { '"::=\n': { const: '"::= [^' } }, required: ['"::=\n'] },
      ['{"\\"::=\\n":"\\"::= [^"}'],
      ['{"x":1}'],
    ],
    [
      'names from a list',
      { type: 'object', propertyNames: { enum: ['a', 'b'] }, additionalProperties: { const: 1 } },
      ['{"a":1}'],
      ['{"c":1}'],
    ],
    ['anything', {}, ['1', '{"a":[null,"x"]}', '"x"'], ['{]', '']],
  ]
  it.each(admits)('a grammar admits %s, and nothing else', (_name, schema, yes, no) => {
    const matcher = matcherOf(schema)
    expect(yes.filter((text) => !matcher.matches(text))).toEqual([])
    expect(no.filter((text) => matcher.matches(text))).toEqual([])
  })
})

describe('large schemas', () => {
  const names = Array.from({ length: 200 }, (_, i) => `p${i}`)
  const described = Object.fromEntries(names.map((name) => [name, { type: 'integer' }]))

  it('a schema of 200 optional properties is compiled', () => {
    const source = constraint({ type: 'object', properties: described })
    expect(compileConstraint(source)).toContain('root ::=')
    const matcher = new Matcher(grammarOf(source))
    expect(matcher.matches('{"p0":1,"p100":2, "p199":3}')).toBe(true)
    expect(matcher.matches('{"p100":2,"p0":1}')).toBe(false)
  })

  it('a schema of 100 branches with 60 values each is compared in time', () => {
    const oneOf = Array.from({ length: 100 }, (_, i) => ({
      enum: Array.from({ length: 60 }, (_value, k) => i * 1000 + k),
    }))
    const used = cpuWatch()
    expect(compileConstraint(constraint({ oneOf }))).toContain('root ::=')
    expect(used()).toBeLessThan(1500)
  })

  it('a schema may take a second of CPU to compile, whatever the clock says', () => {
    const source = constraint({ type: 'object', properties: described })
    const leaping = (by: number): (() => number) => {
      let at = 0
      return () => {
        at += by
        return at
      }
    }
    const clock = vi.spyOn(performance, 'now').mockImplementation(leaping(1000))
    expect(compileConstraint(source)).toContain('root ::=')
    clock.mockRestore()
    const used = leaping(10_000)
    const cpu = vi.spyOn(process, 'cpuUsage').mockImplementation(() => ({ user: used(), system: 0 }))
    expect(() => compileConstraint(source)).toThrow(/too long to compile/)
    cpu.mockRestore()
  })

  it('a schema that refers to one long list from many branches is refused in bounded time', () => {
    const branch = (i: number): object => ({
      type: 'object',
      properties: { a: { $ref: '#/$defs/list' }, b: { const: i } },
      required: ['a', 'b'],
    })
    const list = { enum: [...Array.from({ length: 9000 }, (_, i) => i)] }
    const schema = { oneOf: Array.from({ length: 250 }, (_, i) => branch(i)), $defs: { list } }
    const used = cpuWatch()
    expect(() => compileConstraint(constraint(schema))).toThrow(GrammarError)
    expect(used()).toBeLessThan(2000)
  })
})

describe('schemas that cannot be honoured', () => {
  const nested = (depth: number): object =>
    depth === 0 ? { type: 'null' } : { type: 'array', items: nested(depth - 1) }
  const refused: [name: string, schema: object, path: string][] = [
    ['not', { properties: { a: { not: {} } } }, 'properties.a.not'],
    ['if', { if: {}, else: {} }, 'if'],
    ['an unknown keyword', { type: 'string', minimumLength: 4 }, 'minimumLength'],
    ['uniqueItems', { type: 'array', uniqueItems: true }, 'uniqueItems'],
    ['contains', { type: 'array', contains: {} }, 'contains'],
    ['patternProperties', { patternProperties: { a: {} } }, 'patternProperties'],
    ['an unknown type', { type: 'something' }, 'type'],
    ['a pattern that is a number', { type: 'string', pattern: 5 }, 'pattern'],
    ['look-ahead', { items: { type: 'string', pattern: '^(?=a)' } }, 'items.pattern'],
    ['a format that is not known', { type: 'string', format: 'regex' }, 'format'],
    ['pattern beside format', { type: 'string', format: 'date', pattern: '2' }, 'pattern'],
    [
      'a look-ahead that forbids what the format may begin with',
      { type: 'string', format: 'email', pattern: '^(?!a)\\S+' },
      'pattern',
    ],
    ['a length that a pattern does not imply', { type: 'string', pattern: 'a', maxLength: 4 }, 'maxLength'],
    ['maxLength 1e9', { type: 'string', maxLength: 1e9 }, 'maxLength'],
    ['minItems 1e9', { type: 'array', minItems: 1e9 }, 'minItems'],
    ['multipleOf without bounds', { type: 'integer', multipleOf: 3 }, 'multipleOf'],
    ['multipleOf of decimals', { type: 'number', multipleOf: 0.1, minimum: 0, maximum: 1 }, 'multipleOf'],
    ['bounds without a number between', { type: 'integer', minimum: 2, maximum: 1 }, ''],
    ['a minimum beyond all numbers', { type: 'number', minimum: 1e20 }, ''],
    ['minProperties of a map', { type: 'object', minProperties: 2 }, 'minProperties'],
    ['maxProperties below the named', { properties: { a: {}, b: {} }, maxProperties: 1 }, 'maxProperties'],
    ['required without a description', { required: ['a'], additionalProperties: false }, 'required'],
    ['a remote reference', { $ref: 'http://localhost/x' }, '$ref'],
    ['a file reference', { $ref: 'file:///etc/passwd' }, '$ref'],
    ['a reference up', { $ref: '#/../../' }, '$ref'],
    ['a reference to a prototype', { $ref: '#/constructor' }, '$ref'],
    ['a reference to itself', { $ref: '#' }, ''],
    [
      'a circle of references',
      { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } },
      '',
    ],
    ['a circle of references with more beside', { $ref: '#', type: 'object' }, ''],
    ['no finite value', { type: 'object', properties: { a: { $ref: '#' } }, required: ['a'] }, ''],
    ['oneOf that overlaps', { oneOf: [{ type: 'number' }, { type: 'integer' }] }, 'oneOf[1]'],
    ['allOf of different types', { allOf: [{ type: 'string' }, { type: 'null' }] }, 'allOf[1].type'],
    [
      'allOf with a closed object',
      { allOf: [{ properties: { a: {} }, additionalProperties: false }, { properties: { b: {} } }] },
      'allOf[1].additionalProperties',
    ],
    ['enum beside a bound', { enum: [1, 2], minimum: 2 }, 'minimum'],
    ['keywords of two types without a type', { minLength: 1, minimum: 1 }, ''],
    ['33 levels', nested(33), ''],
    ['100 levels', nested(100), ''],
    [
      '5,001 schemas',
      { properties: Object.fromEntries(Array.from({ length: 5001 }, (_, i) => [i, {}])) },
      '',
    ],
    ['a megabyte', { enum: ['x'.repeat(1_000_000)] }, ''],
  ]
  it.each(refused)('a schema is refused for %s', (_name, schema, path) => {
    const used = cpuWatch()
    let error: unknown
    try {
      compileConstraint(constraint(schema))
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(GrammarError)
    if (path !== '') expect((error as GrammarError).path).toBe(path)
    expect(used()).toBeLessThan(1000)
  })

  it('references that double at each level are refused before they take exponential time', () => {
    const levels = Array.from({ length: 24 }, (_, i): [string, object] => {
      const next = { $ref: `#/$defs/l${i + 1}` }
      const branch = (more: string): object => ({
        type: 'object',
        properties: { a: next, [more]: { type: 'integer' } },
        required: ['a', more],
      })
      return [`l${i}`, { anyOf: [branch('x'), branch('y')] }]
    })
    const schema = { $ref: '#/$defs/l0', $defs: Object.fromEntries([...levels, ['l24', { type: 'null' }]]) }
    expect(() => compileConstraint(constraint(schema))).toThrow(/ways to read/)
  })
})
