import { choice, type GrammarNode, literal, sequence } from './node.ts'

/** A text, and what may follow it. */
export interface Branch {
  readonly text: string
  readonly next: GrammarNode
}

/**
 * One of the texts, then what follows it. Texts that begin alike share their beginning, so that one way is open there.
 * @param spelled what is written for a text.
 */
export function textTree(
  branches: readonly Branch[],
  spelled: (text: string) => GrammarNode = literal,
): GrammarNode {
  const shared = commonPrefix(branches.map(({ text }) => text))
  if (shared !== '') {
    const rests = branches.map(({ text, next }) => ({ text: text.slice(shared.length), next }))
    return sequence(spelled(shared), textTree(rests, spelled))
  }
  const groups = new Map<string, Branch[]>()
  for (const branch of branches) {
    const head = [...branch.text.slice(0, 2)][0] ?? ''
    groups.set(head, [...(groups.get(head) ?? []), branch])
  }
  const ends = (groups.get('') ?? []).map(({ next }) => next)
  groups.delete('')
  return choice([...ends, ...[...groups.values()].map((group) => textTree(group, spelled))])
}

/** Never ends in the middle of a surrogate pair. */
function commonPrefix(texts: readonly string[]): string {
  let shared = texts[0] ?? ''
  for (const text of texts) {
    let length = 0
    while (length < shared.length && shared[length] === text[length]) length++
    shared = shared.slice(0, length)
  }
  return /[\ud800-\udbff]$/.test(shared) ? shared.slice(0, -1) : shared
}
