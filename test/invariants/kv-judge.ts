import type { ScheduledEntry } from '../../src/scheduler/next-pass.ts'

interface Cell {
  readonly token: number
  readonly scope: string
}

/** Knows what lies in each cell of each slot and whose it is, and tells what an entry would read that is not its own. */
export class KvJudge {
  readonly #slots: Cell[][]
  readonly #files = new Map<string, readonly Cell[]>()

  constructor(slots: number) {
    this.#slots = Array.from({ length: slots }, () => [])
  }

  /** What a pass reads must be what its sequences have said so far; then it writes. Undefined when all is well. */
  pass(batch: readonly ScheduledEntry[], scopeOf: (id: string) => string): string | undefined {
    const copies = batch.map(({ copyFrom, start }) =>
      copyFrom === undefined ? undefined : this.#cells(copyFrom).slice(0, start),
    )
    for (const [index, entry] of batch.entries()) {
      const { id, slot, start, history, tokens, draft = [] } = entry
      const scope = scopeOf(id)
      const cells = copies[index] ?? this.#cells(slot)
      for (let at = 0; at < start; at++) {
        const cell = cells[at]
        if (cell?.token !== history[at]) return `${id} reads ${cell?.token} at ${at}, not ${history[at]}`
        if (cell?.scope !== scope) return `${id} of '${scope}' reads what '${cell?.scope}' wrote`
      }
      const written = [...tokens, ...draft].map((token) => ({ token, scope }))
      this.#slots[slot] = [...cells.slice(0, start), ...written]
    }
    return undefined
  }

  /** Nobody knows what lies there now. */
  spoil(slot: number): void {
    this.#slots[slot] = []
  }

  save(slot: number, path: string, tokens: readonly number[]): string | undefined {
    const cells = this.#cells(slot).slice(0, tokens.length)
    this.#slots[slot] = cells
    this.#files.set(path, cells)
    const same = cells.map(({ token }) => token).join() === tokens.join()
    return same ? undefined : `slot ${slot} does not hold what is parked from it`
  }

  load(slot: number, path: string): void {
    this.#slots[slot] = [...(this.#files.get(path) ?? [])]
  }

  #cells(slot: number): Cell[] {
    return this.#slots[slot] ?? []
  }
}
