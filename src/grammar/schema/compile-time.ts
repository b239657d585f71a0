import { GRAMMAR_LIMITS } from '../gbnf/limits.ts'

/**
 * CPU time that a compilation has used. Not time by the clock, which goes on where a busy machine lets the compiler wait: the
 * caller in the gateway bounds that.
 */
export class CompileTime {
  readonly #before = process.cpuUsage()

  get isOver(): boolean {
    const { user, system } = process.cpuUsage(this.#before)
    return (user + system) / 1000 > GRAMMAR_LIMITS.compileMs
  }
}
