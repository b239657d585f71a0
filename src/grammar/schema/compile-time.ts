import { GrammarError } from '../gbnf/grammar-error.ts'
import { GRAMMAR_LIMITS } from '../gbnf/limits.ts'

/**
 * CPU time that a compilation has used. Not time by the clock, which goes on where a busy machine lets the compiler wait: the
 * caller in the gateway bounds that.
 */
export class CompileTime {
  readonly #before = process.cpuUsage()
  readonly #limit: number

  /** @param limit in milliseconds. */
  constructor(limit: number = GRAMMAR_LIMITS.compileMs) {
    this.#limit = limit
  }

  get isOver(): boolean {
    const { user, system } = process.cpuUsage(this.#before)
    return (user + system) / 1000 > this.#limit
  }

  /** @throws GrammarError where the time is over. */
  check(path = ''): void {
    if (this.isOver) throw new GrammarError('it takes too long to compile', path)
  }
}
