import {
  type CodeRange,
  choice,
  EMPTY,
  type GrammarNode,
  literal,
  optional,
  repeat,
  sequence,
  set,
  UNICODE,
  withoutRanges,
} from '../gbnf/node.ts'
import { textTree } from '../gbnf/text-tree.ts'

const ESCAPED: readonly (readonly [code: number, escape: string])[] = [
  [0x08, '\\b'],
  [0x09, '\\t'],
  [0x0a, '\\n'],
  [0x0c, '\\f'],
  [0x0d, '\\r'],
  [0x22, '\\"'],
  [0x5c, '\\\\'],
]
/** Characters that stand for themselves between quotes; DEL and C1 controls are left out, as no text needs them. */
export const PLAIN: readonly CodeRange[] = withoutRanges(UNICODE, [
  [0, 0x1f],
  [0x22, 0x22],
  [0x5c, 0x5c],
  [0x7f, 0x9f],
])
const HEX = set([0x30, 0x39], [0x41, 0x46], [0x61, 0x66])

/** A code unit by its number, behind a backslash. Half a surrogate pair is not accepted. */
export const ESCAPE_CODE: GrammarNode = sequence(
  literal('u'),
  choice([
    sequence(set([0x30, 0x39], [0x41, 0x43], [0x45, 0x46], [0x61, 0x63], [0x65, 0x66]), repeat(HEX, 3, 3)),
    sequence(set([0x44, 0x44], [0x64, 0x64]), set([0x30, 0x37]), repeat(HEX, 2, 2)),
  ]),
)

/** One character of a JSON string out of `ranges`, written the one usual way; undefined when JSON has none. */
export function jsonChars(ranges: readonly CodeRange[]): GrammarNode | undefined {
  const plain = intersect(ranges, PLAIN)
  const items: GrammarNode[] = plain.length === 0 ? [] : [{ type: 'set', ranges: plain }]
  for (const [char, spelling] of ESCAPED) {
    if (ranges.some(([low, high]) => low <= char && char <= high)) items.push(literal(spelling))
  }
  return items.length === 0 ? undefined : choice(items)
}

export function quotedString(content: GrammarNode): GrammarNode {
  return sequence(literal('"'), content, literal('"'))
}

/** One of these texts; texts that begin alike share their beginning. */
export function oneOfTexts(texts: readonly string[]): GrammarNode {
  return textTree(texts.map((text) => ({ text, next: EMPTY })))
}

/** A text of these characters that is none of `texts`; by default the content of a JSON string without escapes (they could spell one of them). */
export function noneOfTexts(texts: readonly string[], chars: readonly CodeRange[] = PLAIN): GrammarNode {
  const any: GrammarNode = repeat({ type: 'set', ranges: chars }, 0)
  const groups = new Map<string, string[]>()
  for (const text of texts) {
    const head = [...text][0] ?? ''
    if (head !== '') groups.set(head, [...(groups.get(head) ?? []), text.slice(head.length)])
  }
  const heads = [...groups.keys()].map((head): CodeRange => [code(head), code(head)])
  const items: GrammarNode[] = []
  const others = withoutRanges(chars, heads)
  if (others.length > 0) items.push(sequence({ type: 'set', ranges: others }, any))
  for (const [head, rests] of groups) {
    // A name that needs an escape cannot be spelled here at all.
    if (intersect([[code(head), code(head)]], chars).length > 0)
      items.push(sequence(literal(head), noneOfTexts(rests, chars)))
  }
  const node = choice(items)
  return texts.includes('') ? node : optional(node)
}

function intersect(a: readonly CodeRange[], b: readonly CodeRange[]): CodeRange[] {
  return withoutRanges(a, withoutRanges([[0, 0x10ffff]], b))
}

function code(char: string): number {
  return char.codePointAt(0) ?? 0
}
