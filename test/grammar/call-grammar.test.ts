import { describe, expect, it } from 'vitest'
import { callGrammar } from '../../src/grammar/calls/call-grammar.ts'
import { compileConstraint } from '../../src/grammar/compile-grammar.ts'
import { parseGbnf } from '../../src/grammar/gbnf/gbnf-parser.ts'
import { GrammarError } from '../../src/grammar/gbnf/grammar-error.ts'
import { Matcher } from '../../src/grammar/gbnf/matcher.ts'
import { compileLoosely } from '../../src/grammar/loose-calls.ts'
import { OutputParser } from '../../src/text/output/output-parser.ts'
import { toolFormats } from '../../src/text/tool-formats/formats.ts'
import type { LeadingCall, OfferedTools } from '../../src/text/tool-formats/tool-format.ts'
import { GrammarWalk } from '../support/grammar-walk.ts'
import { random } from '../support/random.ts'
import { type RandomTool, randomTools, writeCalls } from '../support/random-tools.ts'
import { validatorOf } from '../support/validator.ts'

const formats = toolFormats.flatMap(({ name, notation }) => (notation ? [{ name, notation }] : []))
const notationOf = (name: string) => {
  const found = formats.find((one) => one.name === name)?.notation
  if (found === undefined) throw new Error(`no notation of ${name}`)
  return found
}
const offeredOf = (tools: readonly RandomTool[]): OfferedTools =>
  new Map(tools.map(({ name, parameters }) => [name, parameters]))

/** Names and arguments of the calls that our own parser finds, character by character, and the content. */
function read(
  format: string,
  offered: OfferedTools,
  text: string,
): { calls: [string, string][]; content: string } {
  const parser = new OutputParser({ tools: { format, offered, single: false } })
  const calls: [string, string][] = []
  let content = ''
  for (const part of [...[...text].flatMap((char) => parser.push(char)), ...parser.flush()]) {
    const last = calls.at(-1)
    if (part.type === 'call') calls.push([part.name, ''])
    else if (part.type === 'arguments' && last !== undefined) last[1] += part.text
    else if (part.type === 'text') content += part.text
  }
  return { calls, content }
}

describe.each(formats)('calls of $name', ({ name: format, notation }) => {
  it(`${format} calls are parsed with valid arguments, and valid calls admitted: 10 random lists of tools`, () => {
    const below = random(4_711)
    for (let round = 0; round < 10; round++) {
      const tools = randomTools(below)
      const offered = offeredOf(tools)
      const invalidity = new Map(tools.map(({ name, parameters }) => [name, validatorOf(parameters)]))
      const grammar = callGrammar(offered, notation, 'some')
      const walk = new GrammarWalk(grammar, below)
      const matcher = new Matcher(grammar)
      const check = (text: string): [string, string][] => {
        const where = `${text} by ${JSON.stringify([...offered])}`
        const { calls, content } = read(format, offered, text)
        expect(content, where).toBe('')
        expect(calls.length, where).toBeGreaterThan(0)
        for (const [name, args] of calls) {
          expect(invalidity.has(name), where).toBe(true)
          expect(invalidity.get(name)?.(JSON.parse(args)), where).toBeUndefined()
        }
        expect(matcher.matches(text), where).toBe(true)
        return calls
      }
      for (let draw = 0; draw < 8; draw++) {
        check(walk.text())
        const count = notation.between === undefined ? 1 : 1 + below(3)
        const calls = Array.from({ length: count }, () => {
          const tool = tools[below(tools.length)] as RandomTool
          return [tool, tool.value()] as const
        })
        const found = check(writeCalls(notation, calls))
        expect(found.map(([name, args]) => [name, JSON.parse(args)])).toEqual(
          calls.map(([{ name }, args]) => [name, args]),
        )
      }
    }
  })

  it(`${format} calls of random tools are within the limits of a grammar`, () => {
    const below = random(3)
    for (let round = 0; round < 10; round++) {
      const tools = [...offeredOf(randomTools(below))]
      const calls = { format, tools, wanted: 'any' } as const
      expect(compileConstraint({ kind: 'calls', source: '', calls })).toMatch(/^root ::= /m)
    }
  })

  it(`${format} calls with an optional schema that cannot be compiled have any object as arguments`, () => {
    const below = random(17)
    const impossible = { type: 'object', properties: { a: { not: {} } } }
    const calls = { format, tools: [['f', impossible]], wanted: 'one', loose: ['f'] } as const
    const grammar = parseGbnf(compileLoosely({ kind: 'calls', source: '', calls }).gbnf)
    const walk = new GrammarWalk(grammar, below)
    for (let draw = 0; draw < 20; draw++) {
      const text = walk.text()
      const [[name, args] = ['', '']] = read(format, new Map([['f', impossible]]), text).calls
      expect(name, text).toBe('f')
      expect(JSON.parse(args), text).toBeInstanceOf(Object)
    }
    expect(() => compileLoosely({ kind: 'calls', source: '', calls: { ...calls, loose: [] } })).toThrow(
      GrammarError,
    )
  })

  it(`${format} calls follow a schema that can be compiled, though that of another tool cannot`, () => {
    const below = random(19)
    const impossible = { type: 'object', properties: { a: { not: {} } } }
    const possible = { type: 'object', properties: { a: { type: 'integer' } }, additionalProperties: false }
    const tools = [
      ['f', impossible],
      ['g', possible],
    ] as const
    const calls = { format, tools, wanted: 'one', loose: ['f', 'g'] } as const
    const walk = new GrammarWalk(parseGbnf(compileLoosely({ kind: 'calls', source: '', calls }).gbnf), below)
    const names = new Set<string>()
    for (let draw = 0; draw < 20; draw++) {
      const text = walk.text()
      const [[name, args] = ['', '']] = read(format, new Map<string, object>(tools), text).calls
      names.add(name)
      if (name === 'g') expect(validatorOf(possible)(JSON.parse(args)), text).toBeUndefined()
    }
    expect([...names].sort()).toEqual(['f', 'g'])
  })

  it(`${format} calls that are not forced may follow any text`, () => {
    const { mark } = notation
    if (mark === undefined) return
    const below = random(11)
    const tools = randomTools(below)
    const grammar = callGrammar(offeredOf(tools), notation, 'any')
    const matcher = new Matcher(grammar)
    const tool = tools[0] as RandomTool
    const call = writeCalls(notation, [[tool, tool.value()]])
    for (const text of [
      '',
      'Hello [<｜f(',
      'Now: ',
      ...(format === 'harmony' ? ['<|channel|>analysis<|message|>x<|end|><|start|>assistant'] : []),
    ]) {
      expect([text, matcher.matches(text)]).toEqual([text, true])
      expect([text, matcher.matches(text + call)]).toEqual([text, true])
    }
    expect(matcher.matches(`${mark}x`)).toBe(false)
    const thinking = callGrammar(offeredOf(tools), notation, 'any', { open: '<think>', close: '</think>' })
    const mentions = `<think>${mark}x</think>`
    expect(new Matcher(thinking).matches(`${mentions}${call}`)).toBe(true)
    expect(new Matcher(thinking).matches(`${mentions}${mark}x`)).toBe(false)
    expect(matcher.matches(call.replace(tool.name, 'nothing'))).toBe(false)
  })
})

describe.each(formats.filter(({ notation }) => notation.leading !== undefined))(
  'calls of $name without a tag',
  ({ name: format, notation }) => {
    const leading = notation.leading as LeadingCall
    const schema = { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] }
    const offered: OfferedTools = new Map<string, unknown>([
      ['get', schema],
      ['get_it', { ...schema, additionalProperties: false }],
    ])
    const grammar = callGrammar(offered, notation, 'any')
    const matcher = new Matcher(grammar)
    const call = (name: string): string =>
      writeCalls(notation, [[{ name, parameters: schema, value: () => ({}) }, { a: 1 }]])
    const opening = (name: string, gap = ''): string => leading.opening(name).join(gap)

    it.each(['get', 'get_it'])(`${format} calls without a tag follow the schema of %s`, (name) => {
      for (const before of ['', ' ', ...(leading.behind ?? []), ...(leading.fences ?? [])]) {
        const text = before + call(name)
        expect([text, matcher.matches(text)]).toEqual([text, true])
        expect(read(format, offered, text)).toMatchObject({
          calls: [[name, expect.stringMatching(/^\{"a": ?1\}$/)]],
        })
        for (const end of [
          '',
          ' ',
          'x',
          '{}',
          '()',
          `${leading.rest}{}`,
          `${leading.rest}{"a": "b"}`,
          'a="b")',
        ])
          expect([before, end, matcher.matches(before + opening(name) + end)]).toEqual([before, end, false])
      }
      expect(matcher.matches(opening(name, ' \n'))).toBe(false)
      expect(matcher.matches(call(name).replace(/a"?(=|: ?)1/, 'b$11'))).toBe(false)
    })

    it(`${format} calls without a tag follow their schema after a tag in text, and after a thought`, () => {
      for (const tag of leading.behind ?? []) {
        expect([tag, matcher.matches(`So: ${tag}${call('get')}`)]).toEqual([tag, true])
        expect([tag, matcher.matches(`So: ${tag}${opening('get')}x`)]).toEqual([tag, false])
      }
      const tags = { open: '<think>', close: '</think>' }
      const thinking = new Matcher(callGrammar(offered, notation, 'any', tags))
      const thought = `<think>${opening('get')}x</think>\n\n`
      expect(thinking.matches(thought)).toBe(true)
      expect(thinking.matches(thought + call('get'))).toBe(true)
      expect(thinking.matches(`${thought}${opening('get')}x`)).toBe(false)
    })

    it(`${format} calls without a tag leave all other text free`, () => {
      const part = opening('get').slice(0, -1)
      for (const text of [
        '',
        'Hi',
        '{',
        '[1, 2]',
        '{"name": "x"}',
        part,
        `${part}ter`,
        `So: ${opening('get')}`,
      ])
        expect([text, matcher.matches(text)]).toEqual([text, true])
      const walk = new GrammarWalk(grammar, random(2))
      for (let draw = 0; draw < 300; draw++) {
        const text = walk.text()
        const { calls } = read(format, offered, text)
        for (const [name, args] of calls)
          expect([text, validatorOf(offered.get(name) ?? { not: {} })(JSON.parse(args))]).toEqual([
            text,
            undefined,
          ])
      }
    })

    it(`${format} calls without a tag are free where tools are too many to distinguish`, () => {
      const names = Array.from({ length: 400 }, (_, index) => `${index}_${'long'.repeat(14)}`)
      const tools = names.map((name) => [name, schema] as const)
      const calls = { format, tools, wanted: 'any', loose: names } as const
      const free = new Matcher(parseGbnf(compileLoosely({ kind: 'calls', source: '', calls }).gbnf))
      expect(free.matches(`${opening(names[0] ?? '')}x`)).toBe(true)
    })
  },
)

describe('strings between tags', () => {
  const qwen = notationOf('qwen-xml')
  const admits = (value: object, text: string): boolean => {
    const tool = { type: 'object', properties: { a: value }, required: ['a'] }
    const matcher = new Matcher(callGrammar(new Map([['f', tool]]), qwen, 'one'))
    return matcher.matches(
      `<tool_call>\n<function=f>\n<parameter=a>\n${text}\n</parameter>\n</function>\n</tool_call>`,
    )
  }
  it.each<[object, string, boolean]>([
    [{ type: 'string' }, 'if (a < b) {\n  print("</b>")\n}', true],
    [{ type: 'string' }, '', true],
    [{ type: 'string' }, '\n\n', true],
    [{ type: 'string' }, 'a</parameter>b', false],
    [{ type: 'string' }, 'a</function>b', false],
    [{ type: 'string', enum: ['x "y"', 'z'] }, 'x "y"', true],
    [{ type: 'string', enum: ['x', 'z'] }, '"x"', false],
    [{ type: 'string', maxLength: 2 }, 'a"', true],
    [{ type: 'string', maxLength: 2 }, 'abc', false],
    [{ type: ['string', 'null'] }, '"a"', true],
    [{ type: ['string', 'null'] }, 'a', false],
  ])('an argument of %j between tags admits %j: %j', (value, text, yes) => {
    expect(admits(value, text)).toBe(yes)
  })
})

describe('ids that a model makes up', () => {
  const offered: OfferedTools = new Map<string, unknown>([
    ['f', { type: 'object', properties: {} }],
    ['get', { type: 'object', properties: {} }],
  ])
  it.each<[string, (id: string) => string, string[], string[]]>([
    [
      'command',
      (id) =>
        `<|START_ACTION|>[\n    {"tool_call_id": "${id}", "tool_name": "f", "parameters": {}}\n]<|END_ACTION|>`,
      ['0', '12'],
      ['', 'a', '12345'],
    ],
    [
      'kimi',
      (id) =>
        `<|tool_calls_section_begin|><|tool_call_begin|>functions.f:${id}<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>`,
      ['0', '12'],
      ['', 'a', '12345'],
    ],
    [
      'solar',
      (id) =>
        `<|tool_calls|><|tool_call:begin|>${id}<|tool_call:name|>get<|tool_call:args|>{}<|tool_call:end|><|calls|>`,
      ['a1b2c3d4e5'],
      ['', 'a1b2', 'A1B2C3D4E5'],
    ],
  ])('ids of %s are those that its models make up', (format, call, good, bad) => {
    const forced = new Matcher(callGrammar(offered, notationOf(format), 'one'))
    const free = new Matcher(callGrammar(offered, notationOf(format), 'any'))
    for (const id of good)
      expect([id, forced.matches(call(id)), free.matches(call(id))]).toEqual([id, true, true])
    for (const id of bad)
      expect([id, forced.matches(call(id)), free.matches(call(id))]).toEqual([id, false, false])
  })
})

describe('a thought that a call may end', () => {
  it('a thought that a call may end is held to the call that begins in it', () => {
    const tags = { open: '<|inner_prefix|>', close: '<|inner_suffix|>', breaks: ['<|tools_prefix|>'] }
    const tools: OfferedTools = new Map([['f', { type: 'object', properties: {} }]])
    const matcher = new Matcher(callGrammar(tools, notationOf('apertus'), 'any', tags))
    const call = '<|tools_prefix|>[{"f": {}}]<|tools_suffix|>'
    for (const before of ['', 'Hi', '<|inner_prefix|>hm', '<|inner_prefix|>hm<|inner_suffix|>'])
      for (const [text, yes] of [
        [call, true],
        ['<|tools_prefix|>x', false],
      ] as const)
        expect([before, matcher.matches(before + text)]).toEqual([before, yes])
  })
})

describe('strings between marks', () => {
  const admits = (value: object, text: string): boolean => {
    const tool = { type: 'object', properties: { a: value }, required: ['a'] }
    const matcher = new Matcher(callGrammar(new Map([['f', tool]]), notationOf('gemma'), 'one'))
    return matcher.matches(`<|tool_call>call:f{a:${text}}<tool_call|>`)
  }
  it.each<[object, string, boolean]>([
    [{ type: 'string' }, '<|"|>if (a < b) {\n  "x": \\<|"}<|"|>', true],
    [{ type: 'string' }, '<|"|><|"|>', true],
    [{ type: 'string' }, '<|"|>a<|"|>b<|"|>', false],
    [{ type: 'string' }, '"a"', false],
    [{ enum: ['x "y"', 1, null] }, '<|"|>x "y"<|"|>', true],
    [{ enum: ['x "y"', 1, null] }, 'null', true],
    [{ type: 'string', maxLength: 2 }, '<|"|>a"<|"|>', true],
    [{ type: 'string', maxLength: 2 }, '<|"|>abc<|"|>', false],
    [{ type: 'string', pattern: '^[<a]$' }, '<|"|>a<|"|>', true],
    [{ type: 'object', properties: { 'b c': { type: 'integer' } } }, '{<|"|>b c<|"|>:1}', true],
    [{ type: 'object', additionalProperties: { type: 'integer' } }, '{é:1,<|"|>"<|"|>:2}', true],
    [{ type: 'object', additionalProperties: { type: 'integer' } }, '{"b":1}', false],
  ])('a value %j between marks may be %j: %j', (value, text, yes) => {
    expect(admits(value, text)).toBe(yes)
  })
})

describe('schemas that a notation cannot express', () => {
  const of = (name: string, value: object) => ({ type: 'object', properties: { [name]: value } })
  it.each<[string, object, string]>([
    ['qwen-xml', of('a>b', {}), 'properties.a>b'],
    ['qwen-xml', of('a', { type: 'string', const: '</parameter>' }), 'properties.a'],
    ['qwen-xml', of('a', { type: 'string', anyOf: [{ minLength: 1 }] }), 'properties.a.anyOf'],
    ['qwen-xml', { anyOf: [{ type: 'object' }] }, 'anyOf'],
    ['pythonic', of('a-b', {}), 'properties.a-b'],
    ['pythonic', of('', {}), 'properties.'],
    ['pythonic', { $ref: '#/$defs/a', $defs: { a: { type: 'object' } } }, '$ref'],
    ['hermes', of('a', { not: {} }), 'properties.a.not'],
    ['gemma', of('a<|"|>', {}), 'properties.a<|"|>'],
    ['gemma', of('a', { enum: ['<|"|>'] }), 'properties.a'],
  ])('a schema that %s calls cannot express is refused with its path: %j', (format, parameters, path) => {
    const notation = notationOf(format)
    const compile = () => callGrammar(new Map([['f', parameters]]), notation, 'one')
    expect(compile).toThrow(GrammarError)
    expect(compile).toThrow(expect.objectContaining({ path: `[0].function.parameters.${path}` }))
  })
})
