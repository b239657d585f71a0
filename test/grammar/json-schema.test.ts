import { describe, expect, it, vi } from 'vitest'
import { compileConstraint, grammarOf } from '../../src/grammar/compile-grammar.ts'
import { parseGbnf } from '../../src/grammar/gbnf/gbnf-parser.ts'
import { GrammarError } from '../../src/grammar/gbnf/grammar-error.ts'
import { Matcher } from '../../src/grammar/gbnf/matcher.ts'
import { compileLoosely } from '../../src/grammar/loose-calls.ts'
import { CompileNotes } from '../../src/grammar/schema/compile-notes.ts'
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
    [
      'a pattern beside a format that is not known, which says nothing',
      { type: 'string', format: 'starts_with', pattern: '^ab.*' },
      ['"ab"', '"abc"'],
      ['"b"'],
    ],
    [
      'any string for a format that is not known',
      { type: 'string', format: 'password' },
      ['"x"', '""'],
      ['1'],
    ],
    [
      'what is both a format and a pattern',
      { type: 'string', format: 'date', pattern: '^19.*-0[12]-' },
      ['"1999-01-31"', '"1900-02-28"'],
      ['"2000-01-31"', '"1999-03-31"', '"1999-01-32"'],
    ],
    [
      'a pattern within a length',
      { type: 'string', pattern: '^[a-z]+(?:-[a-z]+)*$', minLength: 3, maxLength: 5 },
      ['"abc"', '"a-b"', '"a-b-c"', '"abcde"'],
      ['"ab"', '"a-"', '"abcdef"', '"a--b"'],
    ],
    [
      'look-aheads, of either kind, in the middle too',
      { type: 'string', pattern: '^P(?!.*W)(?=\\d|T\\d)(\\d+D)?(T(?=\\d)(\\d+H)?)?$' },
      ['"P1D"', '"PT1H"', '"P1DT1H"'],
      ['"P"', '"PT"', '"P1DT"', '"P1W"'],
    ],
    [
      'two patterns',
      { type: 'string', allOf: [{ pattern: '^[a-z]' }, { pattern: '\\d$' }] },
      ['"a1"', '"a-b1"'],
      ['"a"', '"1"', '"A1"'],
    ],
    [
      'letters of any script',
      { type: 'string', pattern: '^\\p{Lu}\\p{Ll}+$' },
      ['"Äpfel"', '"Да"'],
      ['"äpfel"', '"A1"'],
    ],
    ['an enum with a bound beside it', { enum: [1, 2, 'x'], minimum: 2 }, ['2', '"x"'], ['1']],
    ['keywords of two types without a type', { minLength: 1, minimum: 1 }, ['"a"', '1'], ['""', '0', 'null']],
    [
      'multiples without bounds',
      { type: 'integer', multipleOf: 3 },
      ['0', '3', '-12', '111'],
      ['1', '-13', '3.0'],
    ],
    [
      'multiples of decimals',
      { type: 'number', multipleOf: 0.25, minimum: 0, maximum: 2 },
      ['0', '0.25', '1.5', '1.750', '2'],
      ['0.1', '0.26', '2.25', '-0.25'],
    ],
    [
      'names by pattern',
      {
        type: 'object',
        properties: { id: { const: 1 }, x_a: { enum: [1, 2] } },
        patternProperties: { '^x_': { const: 2 } },
        additionalProperties: { const: 3 },
      },
      ['{}', '{"id":1,"x_a":2,"x_b":2,"y":3}', '{"y":3,"x_b":2}'],
      ['{"x_a":1}', '{"x_b":3}', '{"y":2}', '{"id":3}'],
    ],
    [
      'names by pattern and no others',
      { patternProperties: { '^x_': { const: 2 } } },
      ['{}', '{"x_b":2}'],
      ['{"y":2}'],
    ],
    [
      'names beside properties, where some of them are named',
      {
        properties: { a: { const: 1 }, B: { const: 2 } },
        propertyNames: { pattern: '^[a-z]+$', maxLength: 3 },
        additionalProperties: { const: 3 },
      },
      ['{"a":1}', '{"a":1,"bcd":3}'],
      ['{"B":2}', '{"abcd":3}', '{"a":3}'],
    ],
    [
      'a record of listed names, all of them there',
      { propertyNames: { enum: ['a', 'b'] }, additionalProperties: { const: 1 }, required: ['a', 'b'] },
      ['{"a":1,"b":1}'],
      ['{"a":1}', '{"a":1,"b":1,"c":1}'],
    ],
    [
      'a number of properties',
      {
        properties: { a: { const: 1 }, b: { const: 2 }, c: { const: 3 } },
        minProperties: 1,
        maxProperties: 2,
      },
      ['{"a":1}', '{"b":2,"c":3}', '{"a":1,"c":3}'],
      ['{}', '{"a":1,"b":2,"c":3}'],
    ],
    [
      'properties that depend on each other',
      {
        type: 'object',
        properties: { card: { const: 1 }, address: { const: 2 }, note: { const: 3 } },
        dependentRequired: { card: ['address'] },
      },
      ['{}', '{"note":3}', '{"address":2}', '{"card":1,"address":2,"note":3}'],
      ['{"card":1}', '{"card":1,"note":3}'],
    ],
    [
      'what OpenAPI 3.0 writes',
      {
        type: 'object',
        properties: {
          a: { type: 'string', nullable: true, maxLength: 1 },
          b: { type: 'integer', minimum: 0, exclusiveMinimum: true, maximum: 2, exclusiveMaximum: false },
        },
        required: ['a', 'b'],
      },
      ['{"a":null,"b":1}', '{"a":"x","b":2}'],
      ['{"a":"xy","b":1}', '{"a":null,"b":0}', '{"a":null,"b":3}'],
    ],
    [
      'items that differ, out of a list and in its order',
      { type: 'array', items: { enum: ['a', 'b', 'c'] }, uniqueItems: true, minItems: 1 },
      ['["a"]', '["a","c"]', '["a", "b","c"]'],
      ['[]', '["a","a"]', '["d"]'],
    ],
    [
      'a tagged union whose tags have defaults, where the tag is always there',
      {
        oneOf: [
          { type: 'object', properties: { k: { const: 'a', default: 'a' }, x: { const: 1 } } },
          { type: 'object', properties: { k: { const: 'b', default: 'b' }, x: { const: 2 } } },
        ],
        discriminator: { propertyName: 'k' },
      },
      ['{"k":"a"}', '{"k":"a","x":1}', '{"k":"b","x":2}'],
      ['{}', '{"x":1}', '{"k":"a","x":2}'],
    ],
    [
      'what is valid for a branch of a oneOf whose branches overlap',
      { oneOf: [{ type: 'number' }, { type: 'integer' }, { type: 'string' }] },
      ['1', '1.5', '"x"'],
      ['null'],
    ],
    [
      'an object that is closed to properties of another schema',
      { allOf: [{ properties: { a: {} }, additionalProperties: false }, { properties: { b: {} } }] },
      ['{}', '{"a":1}'],
      ['{"b":1}', '{"a":1,"b":1}'],
    ],
    [
      'the branches that anything fits',
      { type: 'string', anyOf: [{ type: 'null' }, { minLength: 1 }] },
      ['"x"'],
      ['null', '""'],
    ],
    ['anything', {}, ['1', '{"a":[null,"x"]}', '"x"'], ['{]', '']],
  ]
  it.each(admits)('a grammar admits %s, and nothing else', (_name, schema, yes, no) => {
    const matcher = matcherOf(schema)
    expect(yes.filter((text) => !matcher.matches(text))).toEqual([])
    expect(no.filter((text) => matcher.matches(text))).toEqual([])
  })
})

describe('keywords of a schema that are not held to', () => {
  const changes: [name: string, schema: object, paths: string[]][] = [
    [
      'a oneOf whose branches overlap',
      { items: { oneOf: [{ type: 'number' }, { type: 'integer' }] } },
      ['items.oneOf'],
    ],
    [
      'a oneOf of objects without a tag',
      { oneOf: [{ properties: { a: {} } }, { properties: { b: {} } }] },
      ['oneOf'],
    ],
    ['a oneOf of types', { oneOf: [{ type: 'string' }, { enum: [1, 2] }, { type: 'null' }] }, []],
    ['a oneOf of values', { oneOf: [{ const: 1 }, { enum: [2, 'x'] }] }, []],
    [
      'a oneOf of tagged objects and null',
      {
        oneOf: [
          { type: 'object', properties: { k: { const: 1 } } },
          { type: 'object', properties: { k: { enum: [2, 3] } } },
          { type: 'null' },
        ],
      },
      [],
    ],
    ['a long bound that can be kept', { type: 'string', maxLength: 100_000 }, []],
    [
      'a long bound beside a pattern that is as long as it likes',
      { type: 'string', pattern: '^x', maxLength: 9000 },
      [],
    ],
    [
      'a long bound beside a pattern of a more difficult shape',
      { properties: { a: { type: 'string', pattern: '^[a-z]+(-[a-z]+)*$', maxLength: 9000 } } },
      ['properties.a.maxLength'],
    ],
  ]
  it.each(changes)('a keyword that is not held to is named: %s', (_name, schema, paths) => {
    const notes = new CompileNotes()
    compileConstraint(constraint(schema), notes)
    expect([...notes.changed]).toEqual(paths)
  })

  it('a keyword that is not held to is named with its tool', () => {
    const parameters = { type: 'object', properties: { a: { oneOf: [{}, {}] } } }
    const tools = [
      ['f', {}],
      ['g', parameters],
    ] as const
    const calls = { format: 'hermes', tools, wanted: 'one' } as const
    expect(compileLoosely({ kind: 'calls', source: '', calls }).changed).toEqual([
      '[1].function.parameters.properties.a.oneOf',
    ])
    expect(compileLoosely({ kind: 'calls', source: '', calls: { ...calls, loose: ['g'] } }).changed).toEqual(
      [],
    )
  })
})

describe('counts above what llama.cpp repeats', () => {
  it.each([2001, 2500, 10_000])('long bounds are held exactly: %i', (count) => {
    const gbnf = compileConstraint(constraint({ type: 'string', minLength: count - 700, maxLength: count }))
    const matcher = new Matcher(parseGbnf(gbnf))
    const admitted = [count - 701, count - 700, count - 1, count, count + 1].map((length) =>
      matcher.matches(`"${'x'.repeat(length)}"`),
    )
    expect(admitted).toEqual([false, true, true, true, false])
  })

  it('leave few ways open', () => {
    const gbnf = compileConstraint(
      constraint({ type: 'array', items: { const: 1 }, minItems: 3, maxItems: 5000 }),
    )
    const matcher = new Matcher(parseGbnf(gbnf), 8)
    const list = (length: number): string => `[${Array.from({ length }, () => 1).join(',')}]`
    expect([2, 3, 4999, 5000, 5001].map((length) => matcher.matches(list(length)))).toEqual([
      false,
      true,
      true,
      true,
      false,
    ])
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
    expect(used()).toBeLessThan(3000)
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

  it('a pattern of many look-aheads is cut to a length in bounded time', () => {
    const pattern = `^${'(?:b|c|(?=a))'.repeat(16)}x{0,2000}$`
    const used = cpuWatch()
    expect(() => compileConstraint(constraint({ type: 'string', maxLength: 1500, pattern }))).toThrow(
      /too many to be written out/,
    )
    expect(used()).toBeLessThan(3000)
  })

  it.each([
    ["^[\\p{L}\\p{M}' -]+$", 2, 60],
    ['^\\p{L}[\\p{L} ]*$', 1, 100],
  ])('letters of all scripts are held to lengths: %s', (pattern, minLength, maxLength) => {
    const gbnf = compileConstraint(constraint({ type: 'string', pattern, minLength, maxLength }))
    const matcher = new Matcher(parseGbnf(gbnf))
    const admitted = [minLength - 1, minLength, maxLength, maxLength + 1].map((length) =>
      matcher.matches(`"${'é'.repeat(length)}"`),
    )
    expect(admitted).toEqual([false, true, true, false])
  })

  it('an automaton over the letters of all scripts is made, or given up, in bounded time', () => {
    const used = cpuWatch()
    expect(() => compileConstraint({ kind: 'regex', source: '(?!.*foo)\\p{L}{1,400}' })).toThrow(GrammarError)
    expect(used()).toBeLessThan(3000)
  })

  it('many names are matched with a long pattern in bounded time', () => {
    const properties = Object.fromEntries(Array.from({ length: 900 }, (_, i) => [`p${i}`, true]))
    const patternProperties = { [`^(${'(?:ab|cd)?'.repeat(200)})$`]: { type: 'number' } }
    const used = cpuWatch()
    expect(() => compileConstraint(constraint({ type: 'object', properties, patternProperties }))).toThrow(
      /too large/,
    )
    expect(used()).toBeLessThan(3000)
  })

  const shapedTools = (maxLength: (tool: number, argument: number) => number) => {
    const tools = Array.from({ length: 128 }, (_, tool) => {
      const argument = (_: unknown, at: number) => [
        `a${at}`,
        { type: 'string', pattern: '^[a-z]+(?:-[a-z0-9]+)*$', maxLength: maxLength(tool, at) },
      ]
      const properties = Object.fromEntries(Array.from({ length: 3 }, argument))
      return [`tool_${tool}`, { type: 'object', properties }] as const
    })
    const loose = tools.map(([name]) => name)
    return { kind: 'calls', source: '', calls: { format: 'minicpm', tools, wanted: 'any', loose } } as const
  }

  it('strings of the same shape are compiled once where tags are around them', () => {
    const used = cpuWatch()
    const { gbnf } = compileLoosely(shapedTools((_, at) => 60 + at))
    expect(used()).toBeLessThan(3000)
    // The shapes are held to: no tool takes any arguments.
    expect(gbnf).not.toContain('tag-text')
  })

  it('the attempts to compile tools share one time, where tags are around their strings too', () => {
    const used = cpuWatch()
    expect(compileLoosely(shapedTools((tool, at) => 40 + 3 * tool + at)).gbnf).toContain('root ::=')
    expect(used()).toBeLessThan(3000)
  })

  it('a schema that refers to one long list from many branches is refused in bounded time', () => {
    const branch = (i: number): object => ({
      type: 'object',
      properties: { a: { $ref: '#/$defs/list' }, b: { const: i } },
      required: ['a', 'b'],
    })
    const list = { enum: [...Array.from({ length: 5000 }, (_, i) => i)] }
    const schema = { oneOf: Array.from({ length: 200 }, (_, i) => branch(i)), $defs: { list } }
    const used = cpuWatch()
    expect(() => compileConstraint(constraint(schema))).toThrow(/ways to read/)
    expect(used()).toBeLessThan(3000)
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
    ['look-behind', { items: { type: 'string', pattern: '(?<=a)b' } }, 'items.pattern'],
    ['a word border', { type: 'string', pattern: '\\bb' }, 'pattern'],
    [
      'a pattern that no text of the format matches',
      { type: 'string', format: 'date', pattern: 'x' },
      'pattern',
    ],
    [
      'a length that no text of the pattern has',
      { type: 'string', pattern: '^a{4}$', minLength: 5 },
      'minLength',
    ],
    [
      'a pattern whose automaton is too large',
      { type: 'string', format: 'email', pattern: '(?:a|b).{20}c.{20}d' },
      'pattern',
    ],
    ['minLength 1e9', { type: 'string', minLength: 1e9 }, 'minLength'],
    ['a multiple of what has too many digits', { type: 'integer', multipleOf: 123_457 }, 'multipleOf'],
    ['a name that no pattern takes', { required: ['a'], propertyNames: { pattern: '^b' } }, 'required'],
    ['names that are no strings', { propertyNames: { multipleOf: 2 } }, 'propertyNames.multipleOf'],
    [
      'dependents beside another type',
      { type: ['object', 'null'], dependentRequired: { a: ['b'] } },
      'dependentRequired',
    ],
    [
      'allOf with an object that is closed to what another requires',
      { allOf: [{ properties: { a: {} }, additionalProperties: false }, { required: ['b'] }] },
      'required',
    ],
    ['contains', { type: 'array', contains: {} }, 'contains'],
    ['an unknown type', { type: 'something' }, 'type'],
    ['a pattern that is a number', { type: 'string', pattern: 5 }, 'pattern'],
    ['a format that no grammar describes', { type: 'string', format: 'regex' }, 'format'],
    ['minItems 1e9', { type: 'array', minItems: 1e9 }, 'minItems'],
    ['bounds without a number between', { type: 'integer', minimum: 2, maximum: 1 }, ''],
    ['a minimum beyond all numbers', { type: 'number', minimum: 1e20 }, ''],
    ['minProperties of a map', { type: 'object', minProperties: 2 }, 'minProperties'],
    ['a format that is known and has no grammar', { type: 'string', format: 'uri-template' }, 'format'],
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
    ['allOf of different types', { allOf: [{ type: 'string' }, { type: 'null' }] }, 'allOf[1].type'],
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
