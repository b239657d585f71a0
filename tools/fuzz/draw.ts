import { type Random, random } from '../../test/support/random.ts'

/** Draws for one request: the same for the same run and index, and unlike those of the next one. */
export class Draw {
  readonly #random: Random

  constructor(seed: number, index: number) {
    this.#random = random(Math.imul(seed ^ Math.imul(index + 1, 0x9e3779b1), 0x85ebca6b))
    for (let warmUp = 0; warmUp < 4; warmUp++) this.#random(2)
  }

  /** 0 to count - 1. */
  below(count: number): number {
    return this.#random(count)
  }

  /** True once in so many. */
  once(inSoMany: number): boolean {
    return this.#random(inSoMany) === 0
  }

  of<T>(items: readonly T[]): T {
    return items[this.#random(items.length)] as T
  }
}
