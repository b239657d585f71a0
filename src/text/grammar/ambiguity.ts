import { GrammarError } from './grammar-error.ts'
import { GRAMMAR_LIMITS } from './limits.ts'
import { AmbiguityError, Matcher, type MatchState, nextCodes } from './matcher.ts'
import type { Grammar } from './node.ts'

const WALKS = 24
const STEPS = 160
const WORK = 400_000

/**
 * Walks through the grammar, now where most ways stay open and now anywhere, and refuses one whose open ways multiply:
 * llama.cpp keeps a stack for each. A search, not a proof; the engine process is replaced when one slips through and hangs it.
 * @throws GrammarError
 */
export function checkAmbiguity(grammar: Grammar): void {
  try {
    for (let walk = 0; walk < WALKS; walk++) {
      const matcher = new Matcher(grammar, GRAMMAR_LIMITS.ambiguity)
      explore(matcher, walk, WORK / WALKS)
    }
  } catch (error) {
    if (!(error instanceof AmbiguityError)) throw error
    throw new GrammarError(
      `it leaves more than ${GRAMMAR_LIMITS.ambiguity} ways to read the same text: let its alternatives differ early`,
    )
  }
}

function explore(matcher: Matcher, walk: number, work: number): void {
  let random = walk * 0x9e3779b1 + 1
  let state: MatchState | undefined = matcher.start()
  for (let step = 0; step < STEPS && matcher.work < work && state !== undefined; step++) {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0
    const codes = nextCodes(state)
    state =
      walk % 2 === 0
        ? widest(matcher, state, codes, random)
        : matcher.step(state, codes[random % codes.length] ?? -1)
  }
}

function widest(
  matcher: Matcher,
  state: MatchState,
  codes: readonly number[],
  random: number,
): MatchState | undefined {
  let best: MatchState | undefined
  for (let index = 0; index < codes.length; index++) {
    const next = matcher.step(state, codes[(index + random) % codes.length] ?? -1)
    if (next !== undefined && next.rests.length > (best?.rests.length ?? -1)) best = next
  }
  return best
}
