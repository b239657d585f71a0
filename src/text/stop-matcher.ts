import { overlap } from './overlap.ts'

export interface StopResult {
  /** Text that is now safe to send. */
  readonly text: string
  readonly stopped: boolean
}

/** Finds stop strings across token borders: holds back only a tail that could still become one. */
export class StopMatcher {
  readonly #stops: readonly string[]
  #held = ''

  constructor(stops: readonly string[]) {
    this.#stops = stops
  }

  push(delta: string): StopResult {
    if (this.#stops.length === 0) return { text: delta, stopped: false }
    const text = this.#held + delta
    const hits = this.#stops.map((stop) => text.indexOf(stop)).filter((index) => index !== -1)
    if (hits.length > 0) {
      this.#held = ''
      return { text: text.slice(0, Math.min(...hits)), stopped: true }
    }
    const hold = Math.max(...this.#stops.map((stop) => overlap(text, stop)))
    this.#held = text.slice(text.length - hold)
    return { text: text.slice(0, text.length - hold), stopped: false }
  }

  /** What was held back when the generation ended for another reason. */
  flush(): string {
    const text = this.#held
    this.#held = ''
    return text
  }
}
