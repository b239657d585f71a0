import { GrammarError } from './grammar-error.ts'
import { GRAMMAR_LIMITS } from './limits.ts'
import { AmbiguityError, Matcher, type MatchState, nextCodes } from './matcher.ts'
import type { Grammar } from './node.ts'

interface Search {
  readonly walks: number
  readonly steps: number
  /** Characters tried at each step. */
  readonly codes: number
  /** Continuations visited, in one walk. */
  readonly work: number
}

/** Walks of two kinds: short ones look at every character; long ones find what grows slowly. */
const SEARCHES: readonly Search[] = [
  { walks: 16, steps: 160, codes: 64, work: 12_000 },
  { walks: 4, steps: 4000, codes: 6, work: 50_000 },
]

/**
 * Refuses a grammar that can match one text in too many ways at once: llama.cpp keeps a stack for each. Walks through it, now where
 * most ways stay open and now anywhere. A search, not a proof: the engine process is replaced when a missed one hangs it.
 * @throws GrammarError
 */
export function checkAmbiguity(grammar: Grammar): void {
  try {
    for (const search of SEARCHES)
      for (let walk = 0; walk < search.walks; walk++) explore(grammar, walk, search)
  } catch (error) {
    if (!(error instanceof AmbiguityError)) throw error
    throw new GrammarError(
      `it leaves more than ${GRAMMAR_LIMITS.ambiguity} ways to read the same text: let its alternatives differ early`,
    )
  }
}

function explore(grammar: Grammar, walk: number, search: Search): void {
  const matcher = new Matcher(grammar, GRAMMAR_LIMITS.ambiguity)
  let random = Math.imul(walk + 1, 0x9e3779b1) >>> 0
  let state: MatchState | undefined = matcher.start()
  for (let step = 0; step < search.steps && matcher.work < search.work && state !== undefined; step++) {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0
    const all = nextCodes(state)
    const from = random % Math.max(1, all.length)
    const codes = [...all.slice(from), ...all.slice(0, from)].slice(0, search.codes)
    state = walk % 2 === 0 ? widest(matcher, state, codes) : matcher.step(state, codes[0] ?? -1)
  }
}

/** The next state with most ways open. */
function widest(matcher: Matcher, state: MatchState, codes: readonly number[]): MatchState | undefined {
  let best: MatchState | undefined
  for (const code of codes) {
    const next = matcher.step(state, code)
    if (next !== undefined && next.rests.length > (best?.rests.length ?? -1)) best = next
  }
  return best
}
