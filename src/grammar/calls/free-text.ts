import {
  choice,
  EMPTY,
  type GrammarNode,
  rangeOf,
  rule,
  sequence,
  set,
  UNICODE,
  withoutRanges,
} from '../gbnf/node.ts'
import type { Branch } from '../gbnf/text-tree.ts'

/**
 * Any text up to the first of some tags, the tag, and what follows it. No tag is in the text before it.
 * Rules are added under names that begin with `name`: one for each beginning of a tag, so that one way is open everywhere.
 * @param mayEnd whether the text may end without a tag.
 * @param never what is nowhere in the text.
 */
export function textUntil(
  tags: readonly Branch[],
  rules: Map<string, GrammarNode>,
  name: string,
  mayEnd: boolean,
  never: readonly string[] = [],
): GrammarNode {
  const known = [...tags.map(({ text }) => text), ...never]
  const begun = beginnings(known)
  const ruleOf = (held: string): GrammarNode => rule(`${name}-${begun.indexOf(held)}`)
  const letters = [...new Set(known.flatMap((text) => [...text]))]
  for (const [index, held] of begun.entries()) {
    // The node that a letter leads to; the same one for letters that lead to the same place.
    const next = new Map<GrammarNode | string, string[]>()
    const barred: string[] = []
    for (const letter of letters) {
      const text = held + letter
      const tag = tags.find((one) => text.endsWith(one.text))
      if (tag === undefined && never.some((one) => text.endsWith(one))) {
        barred.push(letter)
        continue
      }
      const to = tag?.next ?? begun.find((start) => text.endsWith(start)) ?? ''
      next.set(to, [...(next.get(to) ?? []), letter])
    }
    next.delete('')
    const leading = [...barred, ...[...next.values()].flat()].map(rangeOf)
    rules.set(
      `${name}-${index}`,
      choice([
        ...(mayEnd ? [EMPTY] : []),
        ...[...next].map(([to, heads]) =>
          sequence(set(...heads.map(rangeOf)), typeof to === 'string' ? ruleOf(to) : to),
        ),
        sequence({ type: 'set', ranges: withoutRanges(UNICODE, leading) }, ruleOf('')),
      ]),
    )
  }
  return ruleOf('')
}

/** Every proper beginning of a tag, the longest first; the empty one too. */
function beginnings(tags: readonly string[]): string[] {
  const all = tags.flatMap((tag) => [...tag].map((_, length) => [...tag].slice(0, length).join('')))
  return [...new Set(all)].sort((a, b) => b.length - a.length)
}
