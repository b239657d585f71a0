import type { ServingError } from '../../src/base/errors.ts'
import type { Generation, GenerationEnd, ScoredPrompt } from '../../src/generation/generation.ts'

/** A client: takes what comes, unless it has stalled. */
export class Reader {
  text = ''
  prompt: ScoredPrompt | undefined
  end: GenerationEnd | undefined
  error: ServingError | undefined
  /** Something came after the end, or twice. */
  complaint: string | undefined
  done = false
  leaving = false
  #stalled: Promise<void> | undefined
  #go: () => void = () => undefined

  constructor(generation: Generation) {
    void this.#read(generation)
  }

  get stalled(): boolean {
    return this.#stalled !== undefined
  }

  stall(): void {
    this.#stalled ??= new Promise((resolve) => {
      this.#go = resolve
    })
  }

  read(): void {
    this.#stalled = undefined
    this.#go()
  }

  async #read(generation: Generation): Promise<void> {
    try {
      for await (const event of generation) {
        await this.#stalled
        if (this.leaving) break
        if (this.end !== undefined) this.complaint = `'${event.type}' after the end`
        if (event.type === 'text') this.text += event.text
        else if (event.type === 'end') this.end = event
        else if (event.type === 'prompt' && this.prompt === undefined) this.prompt = event
        else if (event.type !== 'paused') this.complaint = `'${event.type}' came`
      }
    } catch (error) {
      if (this.end !== undefined) this.complaint = 'an error after the end'
      this.error = error as ServingError
    }
    this.done = true
  }
}
