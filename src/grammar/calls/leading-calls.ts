import type { LeadingCall } from '../../text/tool-formats/tool-format.ts'
import {
  type CodeRange,
  choice,
  EMPTY,
  type GrammarNode,
  rangeOf,
  repeat,
  rule,
  sequence,
  set,
  UNICODE,
  withoutRanges,
} from '../gbnf/node.ts'
import type { Branch } from '../gbnf/text-tree.ts'
import { textUntil } from './free-text.ts'

/** Name of the rule for the beginning of an answer. */
export const LEAD = 'lead'
/** Characters that may stand before a call, and between two calls. */
const GAP: readonly CodeRange[] = [
  [0x09, 0x0a],
  [0x0d, 0x0d],
  [0x20, 0x20],
  [0x3b, 0x3b],
]

/** Choices inside choices before a rule of its own is made: readers of a grammar recurse into them. */
const MAX_DEPTH = 16

/** A call's opening and what follows it. Between two pieces of the opening there may be a gap. */
export interface Opening {
  readonly pieces: readonly string[]
  readonly next: GrammarNode
}

/** Rest of an opening: its characters, and `undefined` for a gap. */
interface Path {
  readonly rest: readonly (string | undefined)[]
  readonly next: GrammarNode
}

/**
 * Any text, which is free unless it begins as a call does: after an opening only what follows that opening matches. Behind any of
 * the tags, and wherever the rule LEAD is entered, the text counts as beginning again.
 * @param branches other parts that begin with a tag, anywhere in the text.
 */
export function leadingCalls(
  openings: readonly Opening[],
  { behind = [], fences = [] }: Pick<LeadingCall, 'behind' | 'fences'>,
  branches: readonly Branch[],
  rules: Map<string, GrammarNode>,
): GrammarNode {
  const again = (text: string): Branch => ({ text, next: rule(LEAD) })
  const tags = [...behind.map(again), ...branches]
  const text = tags.length === 0 ? repeat(set(...UNICODE), 0) : textUntil(tags, rules, 'text', true)
  const paths = [
    ...openings.map(
      ({ pieces, next }): Path => ({ rest: pieces.flatMap((one) => [undefined, ...one]), next }),
    ),
    ...[...fences.map(again), ...tags].map(
      (one): Path => ({ rest: [undefined, ...one.text], next: one.next }),
    ),
  ]
  let named = 0
  const node = (paths: readonly Path[], depth: number): GrammarNode => {
    const [ended] = paths.filter(({ rest }) => rest.length === 0)
    if (ended !== undefined) return ended.next
    const inGap = paths.some(({ rest }) => rest[0] === undefined)
    if (!inGap && depth < MAX_DEPTH) return choice(ways(paths, depth))
    const name = named++ === 0 ? LEAD : `${LEAD}-${named}`
    const behindGap = paths.map(({ rest, next }) => ({
      rest: rest[0] === undefined ? rest.slice(1) : rest,
      next,
    }))
    const stays = inGap ? [sequence(set(...GAP), rule(name))] : []
    rules.set(name, choice([...ways(behindGap, 0, inGap ? GAP : []), ...stays]))
    return rule(name)
  }
  /** The end, a step on any of the paths, or a character that leads away from all of them. */
  const ways = (paths: readonly Path[], depth: number, others: readonly CodeRange[] = []): GrammarNode[] => {
    const heads = [...new Set(paths.map(({ rest }) => rest[0] ?? ''))]
    const away = withoutRanges(UNICODE, [...heads.map(rangeOf), ...others])
    const steps = heads.map((head) => {
      const taken = paths.filter(({ rest }) => rest[0] === head)
      const further = taken.map(({ rest, next }) => ({ rest: rest.slice(1), next }))
      return sequence(set(rangeOf(head)), node(further, depth + 1))
    })
    return [EMPTY, ...steps, sequence({ type: 'set', ranges: away }, text)]
  }
  return node(paths, 0)
}
