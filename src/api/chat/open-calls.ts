import { quoted, ServingError } from '../../base/errors.ts'

/** Calls of a conversation that have no result yet, in the order in which they were made. */
export class OpenCalls {
  /** Path of each call in the body, by its id. */
  readonly #made = new Map<string, string>()

  get none(): boolean {
    return this.#made.size === 0
  }

  /** Adds a call. Returns false where another open one has this id. */
  open(id: string, path: string): boolean {
    if (this.#made.has(id)) return false
    this.#made.set(id, path)
    return true
  }

  /** Removes a call that has its result. Returns false where no open one has this id. */
  close(id: string): boolean {
    return this.#made.delete(id)
  }

  /**
   * Checks that every call has its result: a model that misses one makes it up.
   * @param words makes the protocol's own message of the ids of open calls and the path of the first.
   * @throws ServingError invalid_value.
   */
  check(words: (ids: readonly string[], path: string) => string): void {
    const [path] = this.#made.values()
    if (path === undefined) return
    const ids = [...this.#made.keys()].map((id) => quoted(id).slice(1, -1))
    throw new ServingError('invalid_value', words(ids, path), { param: path })
  }
}
