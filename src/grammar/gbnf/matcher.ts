import type { Grammar, GrammarNode } from './node.ts'

/** A continuation, still to be matched: `node`, then the rest. Equal continuations are the same object. */
interface Rest {
  readonly node: GrammarNode
  /** Characters of a literal that are matched. */
  readonly offset: number
  /** Rounds of a repetition that are matched. */
  readonly rounds: number
  readonly next: Rest | undefined
  readonly after: Map<GrammarNode, Map<number, Rest>>
}

/** The ways in which a text can be half matched. */
export interface MatchState {
  /** Open continuations, each of which begins with a character to match. */
  readonly rests: readonly Rest[]
  /** Whether the text so far is a whole match. */
  readonly complete: boolean
}

export class AmbiguityError extends Error {
  override readonly name = 'AmbiguityError'
}

/** Follows a text through a grammar as llama.cpp does: one stack for each way to match it. */
export class Matcher {
  readonly #grammar: Grammar
  readonly #maxRests: number
  readonly #bottom = new Map<GrammarNode, Map<number, Rest>>()
  /** Continuations visited so far: the work done. */
  work = 0

  /** @param maxRests beyond this many ways an AmbiguityError is thrown. */
  constructor(grammar: Grammar, maxRests = Number.POSITIVE_INFINITY) {
    this.#grammar = grammar
    this.#maxRests = maxRests
  }

  start(): MatchState {
    return this.#close([this.#rest({ type: 'rule', name: 'root' }, 0, undefined)])
  }

  /** The state after one more code point; undefined when nothing goes on with it. */
  step(state: MatchState, code: number): MatchState | undefined {
    const matched: (Rest | undefined)[] = []
    for (const rest of state.rests) {
      const after = this.#eat(rest, code)
      if (after !== 'no') matched.push(after)
    }
    return matched.length === 0 ? undefined : this.#close(matched)
  }

  /** Whether the whole text matches. */
  matches(text: string): boolean {
    let state: MatchState | undefined = this.start()
    for (const char of text) {
      state = this.step(state, char.codePointAt(0) ?? 0)
      if (state === undefined) return false
    }
    return state.complete
  }

  #eat(rest: Rest, code: number): Rest | undefined | 'no' {
    const { node, offset, next } = rest
    if (node.type === 'set')
      return node.ranges.some(([low, high]) => low <= code && code <= high) ? next : 'no'
    if (node.type !== 'literal') throw new Error('a state holds characters only')
    const expected = node.text.codePointAt(offset) ?? -1
    if (expected !== code) return 'no'
    const end = offset + (code > 0xffff ? 2 : 1)
    return end === node.text.length ? next : this.#rest(node, 0, next, end)
  }

  #close(from: readonly (Rest | undefined)[]): MatchState {
    const rests: Rest[] = []
    const seen = new Set<Rest | undefined>()
    const todo = [...from]
    while (todo.length > 0) {
      const rest = todo.pop()
      if (seen.has(rest)) continue
      seen.add(rest)
      this.work++
      if (rest === undefined) continue
      if (isCharacter(rest)) rests.push(rest)
      else todo.push(...this.#expand(rest))
      if (rests.length > this.#maxRests) throw new AmbiguityError('too many ways to match')
    }
    return { rests, complete: seen.has(undefined) }
  }

  #expand({ node, rounds, next }: Rest): (Rest | undefined)[] {
    switch (node.type) {
      case 'literal':
        return [next]
      case 'set':
        return []
      case 'rule':
        return [this.#rest(this.#grammar.get(node.name) ?? { type: 'choice', items: [] }, 0, next)]
      case 'choice':
        return node.items.map((item) => this.#rest(item, 0, next))
      case 'sequence':
        return [node.items.reduceRight<Rest | undefined>((rest, item) => this.#rest(item, 0, rest), next)]
      case 'repeat':
        return this.#expandRepeat(node, rounds, next)
    }
  }

  #expandRepeat(
    node: Extract<GrammarNode, { type: 'repeat' }>,
    rounds: number,
    next: Rest | undefined,
  ): (Rest | undefined)[] {
    const out: (Rest | undefined)[] = rounds >= node.min ? [next] : []
    if (node.max !== undefined && rounds >= node.max) return out
    // Without an upper bound, rounds beyond the lower one are all alike.
    const following = node.max === undefined ? Math.min(rounds + 1, node.min) : rounds + 1
    out.push(this.#rest(node.item, 0, this.#rest(node, following, next)))
    return out
  }

  #rest(node: GrammarNode, rounds: number, next: Rest | undefined, offset = 0): Rest {
    const table = next === undefined ? this.#bottom : next.after
    let byCount = table.get(node)
    if (byCount === undefined) {
      byCount = new Map()
      table.set(node, byCount)
    }
    const count = rounds + offset
    let rest = byCount.get(count)
    if (rest === undefined) {
      rest = { node, offset, rounds, next, after: new Map() }
      byCount.set(count, rest)
    }
    return rest
  }
}

function isCharacter({ node }: Rest): boolean {
  return node.type === 'set' || (node.type === 'literal' && node.text !== '')
}

/** Code points worth trying next: the first and last of every range that can follow. */
export function nextCodes({ rests }: MatchState, limit = 64): number[] {
  const codes = new Set<number>()
  for (const { node, offset } of rests) {
    if (codes.size >= limit) break
    if (node.type === 'literal') codes.add(node.text.codePointAt(offset) ?? 0)
    if (node.type === 'set') for (const [low, high] of node.ranges) codes.add(low).add(high)
  }
  return [...codes]
}
