import { describe, expect, it } from 'vitest'
import { compileConstraint } from '../../src/grammar/compile-grammar.ts'
import { parseGbnf } from '../../src/grammar/gbnf/gbnf-parser.ts'
import { GrammarError } from '../../src/grammar/gbnf/grammar-error.ts'
import { Matcher } from '../../src/grammar/gbnf/matcher.ts'
import { cpuWatch } from '../support/patience.ts'

const compile = (source: string): string => compileConstraint({ kind: 'gbnf', source })

describe("a client's GBNF", () => {
  const refused: [name: string, source: string, message: RegExp][] = [
    ['no root', 'a ::= "x"', /no rule 'root'/],
    ['an undefined rule', 'root ::= a', /'a' is not defined/],
    ['a rule twice', 'root ::= "a"\nroot ::= "b"', /defined twice/],
    ['left recursion', 'root ::= root "a" | "a"', /left recursion/],
    ['left recursion through others', 'root ::= a\na ::= b "x" | "y"\nb ::= a', /left recursion/],
    ['left recursion behind what can be empty', 'root ::= e root "b" | "x"\ne ::= "a"?', /left recursion/],
    [
      'left recursion behind a rule that can be empty',
      'root ::= e root | "x"\ne ::= f f\nf ::= "a" | ""',
      /left recursion/,
    ],
    ['an empty text without end', 'root ::= ("a"?)*', /repeated without end/],
    ['no end', 'root ::= "a" root', /never end/],
    ['a rule without an end beside one that has', 'root ::= "a" | b\nb ::= "b" b', /never end/],
    ['an open bracket', 'root ::= ("a"', /'\)' is expected/],
    ['an open literal', 'root ::= "a', /ends too early/],
    ['an open set', 'root ::= [a', /ends too early/],
    ['an empty set', 'root ::= []', /empty/],
    ['a range that is upside down', 'root ::= [z-a]', /ends before it begins/],
    ['nothing to repeat', 'root ::= *', /nothing to repeat/],
    ['an unknown escape', 'root ::= "\\q"', /unknown escape/],
    ['half a surrogate pair', 'root ::= "\\uD800"', /not a character/],
    ['NUL', 'root ::= "\\x00"', /not a character/],
    ['token elements', 'root ::= <think> "a"', /token elements/],
    ['2,001 repetitions', 'root ::= "a"{2001}', /2000 repetitions/],
    ['an upper bound above 2,000, which llama.cpp would drop', 'root ::= "a"{0,2001}', /2000 repetitions/],
    [
      'repetitions of repetitions',
      `root ::= a{2000}\n${'a ::= "b"{2000}'.repeat(1)}\n${Array.from({ length: 30 }, (_, i) => `r${i} ::= "x"{2000}`).join('\n')}`,
      /larger than/,
    ],
    ['60,000 brackets', `root ::= ${'('.repeat(60_000)}`, /nested deeper/],
    ['60,000 question marks', `root ::= "a"${'?'.repeat(60_000)}`, /in a row/],
    ['no grammar', 'hello', /'::=' is expected/],
    ['5,100 rules', Array.from({ length: 5100 }, (_, i) => `${i}::=""`).join('\n'), /more than 5000 rules/],
    [
      'alternatives that double',
      `root ::= r0\n${Array.from({ length: 30 }, (_, i) => `r${i} ::= r${i + 1} | r${i + 1}`).join('\n')}\nr30 ::= "a"`,
      /too many alternatives/,
    ],
    [
      'ways to read that double with each character',
      'root ::= x\nx ::= "a" x y | "a" x z | "a"\ny ::= "b"\nz ::= "b"',
      /ways to read/,
    ],
    [
      'ways that double every 30 characters',
      'root ::= "(" x\nx ::= [a-z]{30} (x "b" | x "c" | "d")',
      /ways to read/,
    ],
    [
      'the same behind a forced text',
      'root ::= "once upon a time" x\nx ::= "a" x "b" | "a" x "c" | "d"',
      /ways to read/,
    ],
    ['a long one', `root ::= "${'a'.repeat(70_000)}"`, /longer than/],
  ]
  it.each(refused)("a client's GBNF is refused for %s", (_name, source, message) => {
    const used = cpuWatch()
    expect(() => compile(source)).toThrow(message)
    expect(() => compile(source)).toThrow(GrammarError)
    expect(used()).toBeLessThan(1000)
  })

  it("a client's GBNF has the meaning that llama.cpp gives it", () => {
    const matcher = new Matcher(
      parseGbnf(`# a comment
root ::= greeting " " (name | "\\"" [^"\\]x] "\\"")+  # behind a rule
greeting ::=
  "Hello" | "\\x48i" [!?.-]{1,2}
name ::= [A-Z\\u00E9] [a-z]* (","
  "again")?
`),
    )
    const yes = ['Hello Bob', 'Hi! éa,again', 'Hi.- "y"A', 'Hello Xy"z"']
    const no = ['Hello', 'Hello bob', 'Hi Bob', 'Hello "x"', 'Hello "]"', 'Hello Bob,']
    expect(yes.filter((text) => !matcher.matches(text))).toEqual([])
    expect(no.filter((text) => matcher.matches(text))).toEqual([])
  })

  it("a client's GBNF keeps its meaning when it is compiled", () => {
    const source = 'root ::= ("a" [^\\n"-]{2,3} | e-x)+ .\ne-x ::= "y"'
    const [before, after] = [parseGbnf(source), parseGbnf(compile(source))].map((one) => new Matcher(one))
    for (const text of ['aXY!', 'aXYZ!', 'aX', 'y', 'a\nYZ!']) {
      expect(after?.matches(text), text).toBe(before?.matches(text))
    }
  })

  it("a client's GBNF may recurse after it has consumed a character", () => {
    expect(compile('root ::= "(" root ")" | [0-9]+')).toContain('root ::=')
  })
})

describe('a regular expression', () => {
  const refused: [string, RegExp][] = [
    ['(?=a)', /look-around/],
    ['(?<!a)b', /look-around/],
    ['(a)\\1', /'\\1'/],
    ['a\\b', /'\\b'/],
    ['\\p{L}', /'\\p'/],
    ['a^', /'\^'/],
    ['(a$|b)', /'\$'/],
    ['(a', /not a regular expression/],
    ['[z-a]', /not a regular expression/],
    ['a{3,2}', /not a regular expression/],
    ['a{0,3000}', /2000 repetitions/],
    ['(a*)*', /repeated without end/],
    ['('.repeat(40) + ')'.repeat(40), /too deeply/],
    ['a'.repeat(513), /at most 512/],
    ['(?i:a)', /look-around and flags|not a regular/],
  ]
  it.each(refused)('the regular expression %s is refused', (source, message) => {
    expect(() => compileConstraint({ kind: 'regex', source })).toThrow(message)
    expect(() => compileConstraint({ kind: 'regex', source })).toThrow(GrammarError)
  })

  it.each([
    '^(a+)+$',
    '[a-c]{2,4}?(?:x|yz)?',
    '(?<year>\\d{4})-[^\\W_]+',
    '\\x41\\u0042\\.\\/-[\\]\\\\-]',
    'a|b|',
    '.{0,3}\\s\\S*',
    '[^]?x[\\d\\s]',
  ])('the regular expression %s matches what it matches in JavaScript', (source) => {
    const matcher = new Matcher(parseGbnf(compileConstraint({ kind: 'regex', source })))
    const expected = new RegExp(`^(?:${source})$`, 'u')
    const texts = [
      '',
      'a',
      'b',
      'aaa',
      'ab',
      'abcx',
      'abyz',
      '2024-x1',
      '2024-_',
      'AB./-]',
      'AB./-\\',
      'x 1',
      'a\nb',
      'ax1',
      'x1',
      '  ',
      '😀 z',
      'x\t',
    ]
    for (const text of texts) expect(matcher.matches(text), JSON.stringify(text)).toBe(expected.test(text))
  })
})

describe('a choice of texts', () => {
  it('a choice admits each of its texts, and no mere beginning of one', () => {
    const texts = ['yes', 'yesterday', 'no', '😀', '😃x', 'a"\\\n']
    const matcher = new Matcher(
      parseGbnf(compileConstraint({ kind: 'choice', source: JSON.stringify(texts) })),
    )
    expect(texts.filter((text) => !matcher.matches(text))).toEqual([])
    expect(['ye', 'y', '', 'noo', '😃'].filter((text) => matcher.matches(text))).toEqual([])
  })
})

it('JSON of any shape has a maximum depth', () => {
  const matcher = new Matcher(parseGbnf(compileConstraint({ kind: 'json_object', source: '' })))
  const nested = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
  expect([1, 16].map((depth) => matcher.matches(nested(depth)))).toEqual([true, true])
  expect(matcher.matches(nested(17))).toBe(false)
})
