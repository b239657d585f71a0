/** Cache of texts, together at most `capacity` characters; the least recently used are evicted first. */
export class TextCache {
  readonly #capacity: number
  readonly #entries = new Map<string, string>()
  #size = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get size(): number {
    return this.#size
  }

  get(key: string): string | undefined {
    const value = this.#entries.get(key)
    if (value !== undefined) {
      this.#entries.delete(key)
      this.#entries.set(key, value)
    }
    return value
  }

  set(key: string, value: string): void {
    const known = this.#entries.get(key)
    if (known !== undefined) this.#forget(key, known)
    this.#entries.set(key, value)
    this.#size += key.length + value.length
    for (const [oldest, text] of this.#entries) {
      if (this.#size <= this.#capacity) break
      this.#forget(oldest, text)
    }
  }

  #forget(key: string, value: string): void {
    this.#entries.delete(key)
    this.#size -= key.length + value.length
  }
}
