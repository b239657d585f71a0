import { Matcher, type MatchState } from './matcher.ts'
import type { GrammarNode } from './node.ts'

/** Pairs of states visited before a question counts as unanswered. */
const MAX_PAIRS = 6000

/** Whether every text of `inner` is one of `outer`. False, too, where the search was given up. Neither may refer to rules. */
export function isWithinNode(inner: GrammarNode, outer: GrammarNode): boolean {
  return holdsForAll(inner, outer, (found) => found, false)
}

/** Whether no text of `inner` is one of `outer`. False, too, where the search was given up. Neither may refer to rules. */
export function isApart(inner: GrammarNode, outer: GrammarNode): boolean {
  return holdsForAll(inner, outer, (found) => !found, true)
}

/** Follows both at once, and calls `test` for each text of `inner` with whether `outer` has it. */
function holdsForAll(
  inner: GrammarNode,
  outer: GrammarNode,
  test: (found: boolean) => boolean,
  whenLost: boolean,
): boolean {
  const [one, other] = [inner, outer].map((node) => new Matcher(new Map([['root', node]])))
  if (one === undefined || other === undefined) return false
  const names = new StateNames()
  const seen = new Set<string>()
  const todo: [MatchState, MatchState | undefined][] = [[one.start(), other.start()]]
  for (let pair = todo.pop(); pair !== undefined; pair = todo.pop()) {
    const [left, right] = pair
    if (right === undefined && whenLost) continue
    if (right === undefined || (left.complete && !test(right.complete))) return false
    const name = `${names.of(left)} ${names.of(right)}`
    if (seen.has(name)) continue
    if (seen.add(name).size > MAX_PAIRS) return false
    for (const code of borders(left, right)) {
      const next = one.step(left, code)
      if (next !== undefined) todo.push([next, other.step(right, code)])
    }
  }
  return true
}

/** Names of states, equal for states with the same continuations. */
class StateNames {
  readonly #numbers = new Map<object, number>()

  of({ rests, complete }: MatchState): string {
    const numbers = rests.map((rest) => {
      const number = this.#numbers.get(rest) ?? this.#numbers.size
      this.#numbers.set(rest, number)
      return number
    })
    return `${complete}:${numbers.sort((a, b) => a - b).join(',')}`
  }
}

/** One code point of every class of characters that the states treat alike. */
function borders(...states: readonly MatchState[]): Set<number> {
  const codes = new Set<number>()
  for (const { node, offset } of states.flatMap(({ rests }) => rests)) {
    const ranges =
      node.type === 'set'
        ? node.ranges
        : node.type === 'literal'
          ? [[node.text.codePointAt(offset) ?? 0, node.text.codePointAt(offset) ?? 0] as const]
          : []
    for (const [low, high] of ranges) codes.add(low).add(high + 1)
  }
  return codes
}
