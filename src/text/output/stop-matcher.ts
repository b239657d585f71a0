import { overlap } from '../scan/overlap.ts'

export interface StopResult {
  /** Text that is now safe to send. */
  readonly text: string
  /** The stop string that was found. */
  readonly stopped: string | undefined
}

/** Finds stop strings across token borders: holds back only a tail that could still become one. */
export class StopMatcher {
  readonly #stops: readonly string[]
  #held = ''

  constructor(stops: readonly string[]) {
    this.#stops = stops
  }

  push(delta: string): StopResult {
    if (this.#stops.length === 0) return { text: delta, stopped: undefined }
    const text = this.#held + delta
    const hits = this.#stops.map((stop) => ({ stop, at: text.indexOf(stop) })).filter(({ at }) => at !== -1)
    const first = hits.sort((a, b) => a.at - b.at)[0]
    if (first !== undefined) {
      this.#held = ''
      return { text: text.slice(0, first.at), stopped: first.stop }
    }
    const hold = Math.max(...this.#stops.map((stop) => overlap(text, stop)))
    this.#held = text.slice(text.length - hold)
    return { text: text.slice(0, text.length - hold), stopped: undefined }
  }

  /** The text held back, when the generation ended for another reason. */
  flush(): string {
    const text = this.#held
    this.#held = ''
    return text
  }
}
