import { GRAMMAR_LIMITS } from '../gbnf/limits.ts'

/**
 * What a compilation has used of its time: CPU, as the clock goes on where a busy machine lets the compiler wait. Whoever
 * waits for the compiler keeps an eye on the clock.
 */
export class CompileTime {
  readonly #before = process.cpuUsage()

  get isOver(): boolean {
    const { user, system } = process.cpuUsage(this.#before)
    return (user + system) / 1000 > GRAMMAR_LIMITS.compileMs
  }
}
