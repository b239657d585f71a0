import { type CodeRange, choice, type GrammarNode, literal, sequence, set } from '../gbnf/node.ts'
import type { CompileTime } from './compile-time.ts'
import { ESCAPE_CODE, PLAIN } from './json-string.ts'
import type { Pattern } from './pattern.ts'

/** Spelling of strings without escapes, and of keys without marks. */
export interface MarkedStrings {
  /** Mark before and behind a string. */
  readonly mark: string
  /** One character of a string. */
  readonly char: GrammarNode
  /** One character out of these; undefined when none of them can be written. */
  chars(ranges: readonly CodeRange[]): GrammarNode | undefined
  /** The content of any string, and the mark behind it. @param rules of the grammar. */
  text(rules: Map<string, GrammarNode>): GrammarNode
  /** A key; undefined when it cannot be written. */
  key(name: string): string | undefined
  /** Any key of a pattern; undefined: any key. @param rules of the grammar. */
  otherKey(names: Pattern | undefined, rules: Map<string, GrammarNode>, time: CompileTime): GrammarNode
}

/** Spelling of values in a notation; numbers, arrays and objects are JSON's. */
export interface ValueStyle {
  readonly true: string
  readonly false: string
  readonly null: string
  /** One character of a string between quotes. */
  readonly char: GrammarNode
  /** Default: strings and keys are JSON's. */
  readonly strings?: MarkedStrings
  /** A whole value, without spaces. */
  write(value: unknown): string
}

const charWith = (escapes: string): GrammarNode =>
  choice([
    { type: 'set', ranges: PLAIN },
    sequence(
      literal('\\'),
      choice([
        set(...[...escapes].map((char): CodeRange => [char.charCodeAt(0), char.charCodeAt(0)])),
        ESCAPE_CODE,
      ]),
    ),
  ])

export const JSON_STYLE: ValueStyle = {
  true: 'true',
  false: 'false',
  null: 'null',
  char: charWith('"\\/bfnrt'),
  write: (value) => JSON.stringify(value),
}

/** Literals of Python. There `\/` is two characters. */
export const PYTHON_STYLE: ValueStyle = {
  true: 'True',
  false: 'False',
  null: 'None',
  char: charWith('"\\bfnrt'),
  write: pythonLiteral,
}

function pythonLiteral(value: unknown): string {
  if (value === null) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value !== 'object') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(pythonLiteral).join(',')}]`
  const pairs = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}:${pythonLiteral(item)}`)
  return `{${pairs.join(',')}}`
}
