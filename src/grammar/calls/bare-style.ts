import { STRING } from '../../text/tool-formats/bare-arguments.ts'
import { GrammarError, NothingError } from '../gbnf/grammar-error.ts'
import {
  type CodeRange,
  choice,
  EMPTY,
  type GrammarNode,
  literal,
  rangeOf,
  repeat,
  sequence,
  UNICODE,
  withoutRanges,
} from '../gbnf/node.ts'
import type { CompileTime } from '../schema/compile-time.ts'
import { both, ofLength, type Pattern } from '../schema/pattern.ts'
import { patternGrammar } from '../schema/pattern-grammar.ts'
import { JSON_STYLE, type ValueStyle } from '../schema/value-style.ts'
import { textUntil } from './free-text.ts'

/** Characters of strings of a given shape: without the one that the mark begins with, they cannot hold it. */
const CHARS = withoutRanges(UNICODE, [rangeOf('<')])
/** Characters of keys without marks: none that ends a key, no white space, nothing invisible. */
const IN_KEY = withoutRanges(UNICODE, [
  ...'{}[],:"<>'.split('').map(rangeOf),
  [0x00, 0x20],
  [0x7f, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200f],
  [0x2028, 0x202f],
  [0x205f, 0x206f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
])

/** Values as Gemma 4 writes them: strings as they are between marks, keys without any. */
export const BARE_STYLE: ValueStyle = {
  ...JSON_STYLE,
  strings: {
    mark: STRING,
    char: { type: 'set', ranges: CHARS },
    chars: (ranges) => {
      const left = withoutRanges(ranges, [rangeOf('<')])
      return left.length === 0 ? undefined : { type: 'set', ranges: left }
    },
    text: anyText,
    key,
    otherKey: (names, rules, time) => {
      const mark = literal(STRING)
      const [plain, marked] = [keysOf(names, IN_KEY, rules, time), keysOf(names, CHARS, rules, time)]
      const ways = [...(plain ? [plain] : []), ...(marked ? [sequence(mark, marked, mark)] : [])]
      if (ways.length > 0) return choice(ways)
      throw new NothingError('no name can be written in the format of this model')
    },
  },
  write,
}

/** Keys of a pattern that have these characters only, and at least one; undefined where there are none. */
function keysOf(
  names: Pattern | undefined,
  allowed: readonly CodeRange[],
  rules: Map<string, GrammarNode>,
  time: CompileTime,
): GrammarNode | undefined {
  if (names === undefined) return repeat({ type: 'set', ranges: allowed }, 1)
  const chars = (ranges: readonly CodeRange[]): GrammarNode | undefined => {
    const left = withoutRanges(ranges, withoutRanges(UNICODE, allowed))
    return left.length === 0 ? undefined : { type: 'set', ranges: left }
  }
  try {
    return patternGrammar(both(names, ofLength(1, undefined)), { chars, rules, time })
  } catch (error) {
    if (error instanceof NothingError) return undefined
    throw error
  }
}

function anyText(rules: Map<string, GrammarNode>): GrammarNode {
  return textUntil([{ text: STRING, next: EMPTY }], rules, 'marked-text', false)
}

/** A name as it is, or between marks where it holds what no key without them may; undefined where neither will do. */
function key(name: string): string | undefined {
  if (name !== '' && [...name].every(isInKey)) return name
  return name.includes(STRING) ? undefined : STRING + name + STRING
}

function isInKey(char: string): boolean {
  const code = char.codePointAt(0) ?? 0
  return IN_KEY.some(([low, high]) => low <= code && code <= high)
}

/** @throws GrammarError for what cannot be written. */
function write(value: unknown): string {
  if (typeof value === 'string') {
    if (value.includes(STRING)) throw new GrammarError(`a text that holds ${STRING} cannot be written`)
    return STRING + value + STRING
  }
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value)
  return `{${members.map(([name, item]) => `${key(name) ?? write(name)}:${write(item)}`).join(',')}}`
}
