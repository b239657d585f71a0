/** Single-consumer async queue: events wait here for a reader, never the other way round. */
export class EventQueue<T> {
  readonly #items: T[] = []
  #wake: (() => void) | undefined
  #closed = false

  push(item: T): void {
    if (this.#closed) return
    this.#items.push(item)
    this.#wake?.()
  }

  /** Refuses further events; what is queued can still be read. */
  close(): void {
    this.#closed = true
    this.#wake?.()
  }

  /** Takes all events that have arrived, and waits for the first; undefined at the end. */
  async take(): Promise<T[] | undefined> {
    while (this.#items.length === 0) {
      if (this.#closed) return undefined
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
    return this.#items.splice(0)
  }
}
