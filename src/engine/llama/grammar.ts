import type { SamplingParams } from '../../protocol/engine.ts'
import type { GrammarState } from './addon.ts'
import type { NativeGrammar } from './native.ts'

/** Characters of grammars that are kept parsed. */
const CACHE_CAPACITY = 4_000_000

/** One sequence's position in its grammar. */
export interface GrammarPosition {
  readonly grammar: NativeGrammar
  readonly state: GrammarState
}

/** Parsed grammars by their text; the least recently used are evicted first. */
export class GrammarCache {
  readonly #parse: (gbnf: string) => NativeGrammar
  readonly #capacity: number
  readonly #grammars = new Map<string, NativeGrammar>()
  #size = 0

  constructor(parse: (gbnf: string) => NativeGrammar, capacity = CACHE_CAPACITY) {
    this.#parse = parse
    this.#capacity = capacity
  }

  /**
   * The position of the requested grammar after the generated tokens; undefined where none is requested.
   * @throws Error.
   */
  after({ grammar: gbnf }: SamplingParams, generated: readonly number[]): GrammarPosition | undefined {
    if (gbnf === undefined) return undefined
    const grammar = this.#take(gbnf) ?? this.#parse(gbnf)
    this.#grammars.set(gbnf, grammar)
    this.#size += gbnf.length
    for (const oldest of this.#grammars.keys()) {
      if (this.#size <= this.#capacity) break
      this.#take(oldest)
    }
    return { grammar, state: grammar.after(generated) }
  }

  #take(gbnf: string): NativeGrammar | undefined {
    const grammar = this.#grammars.get(gbnf)
    if (this.#grammars.delete(gbnf)) this.#size -= gbnf.length
    return grammar
  }
}

/**
 * The token that llama.cpp drew, or an Error where the grammar does not take it: where no token fits, llama.cpp draws one all the
 * same.
 * @param draw draws and moves the grammar on.
 */
export async function drawWithin(
  position: GrammarPosition,
  draw: () => Promise<number>,
): Promise<number | Error> {
  let token: number
  try {
    token = await draw()
  } catch (cause) {
    // The addon: the grammar could not be moved on by the token.
    return new Error('no token of this model continues the constrained output', { cause })
  }
  // The addon does not show an end of generation to the grammar.
  if (position.grammar.endsTooEarly(position.state, token)) {
    return new Error('no token of this model continues the constrained output')
  }
  return token
}
