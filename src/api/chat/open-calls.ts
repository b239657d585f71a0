import { quoted, ServingError } from '../../base/errors.ts'

/** Calls of a conversation that have no result yet, in the order in which they were made. */
export class OpenCalls {
  /** Where each was made, by its id. */
  readonly #made = new Map<string, string>()

  get none(): boolean {
    return this.#made.size === 0
  }

  /** False where another that is open has this id. */
  open(id: string, path: string): boolean {
    if (this.#made.has(id)) return false
    this.#made.set(id, path)
    return true
  }

  /** False where none that is open has this id. */
  close(id: string): boolean {
    return this.#made.delete(id)
  }

  /**
   * For where every call must have its result: a model that misses one makes it up.
   * @param words of the protocol's own, told the ids of those that have none, and where the first was made.
   * @throws ServingError invalid_value.
   */
  check(words: (ids: readonly string[], path: string) => string): void {
    const [path] = this.#made.values()
    if (path === undefined) return
    const ids = [...this.#made.keys()].map((id) => quoted(id).slice(1, -1))
    throw new ServingError('invalid_value', words(ids, path), { param: path })
  }
}
