import { readFile, writeFile } from 'node:fs/promises'
import type { BatchEntry, Engine, EngineLimits, StepResult } from './engine.ts'

export interface SimulatedOptions {
  readonly vocabulary?: number
  /** How long a step takes, in milliseconds. */
  readonly delayMs?: number
  /** Fails an entry, or the whole step, when it returns so. */
  readonly fault?: (
    batch: readonly BatchEntry[],
  ) => { readonly entry: number; readonly error: Error } | Error | undefined
}

/**
 * An engine without a model. The next token is a hash of all that is resident in the slot,
 * so one misplaced, missing or stale cell changes the output.
 */
export class SimulatedEngine implements Engine {
  readonly limits: EngineLimits
  readonly #options: SimulatedOptions
  readonly #cells: number[][]

  constructor(limits: EngineLimits, options: SimulatedOptions = {}) {
    this.limits = limits
    this.#options = options
    this.#cells = Array.from({ length: limits.slots }, () => [])
  }

  async step(batch: readonly BatchEntry[]): Promise<readonly StepResult[]> {
    const { delayMs, fault } = this.#options
    this.#check(batch)
    for (const { slot, copied } of batch.map((entry) => ({ ...entry, copied: this.#copied(entry) }))) {
      if (copied !== undefined) this.#cells[slot] = copied
    }
    const failure = fault?.(batch)
    if (failure instanceof Error) throw failure
    const results = batch.map((entry, index) =>
      failure?.entry === index ? failure.error : this.#compute(entry),
    )
    if (delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, delayMs))
    return results
  }

  /** The file holds the cells, so that one that is lost or cut short is as bad as a real one. */
  async save(slot: number, path: string, tokens: readonly number[]): Promise<number> {
    const cells = this.#cells[slot]
    if (cells === undefined) throw new RangeError(`there is no slot ${slot}`)
    cells.length = Math.min(cells.length, tokens.length)
    const text = JSON.stringify(cells)
    await writeFile(path, text)
    return text.length
  }

  async load(slot: number, path: string, tokens: readonly number[]): Promise<void> {
    this.#cells[slot] = []
    const cells = JSON.parse(await readFile(path, 'utf8')) as number[]
    if (cells.join() !== tokens.join()) throw new Error('the file holds other tokens')
    this.#cells[slot] = cells
  }

  async close(): Promise<void> {}

  #check(batch: readonly BatchEntry[]): void {
    const total = batch.reduce((sum, { tokens, draft = [] }) => sum + tokens.length + draft.length, 0)
    if (total > this.limits.batchTokens) throw new RangeError(`${total} tokens do not fit in a batch`)
    for (const [index, { slot }] of batch.entries()) {
      if (index > 0 && slot <= (batch[index - 1]?.slot ?? -1)) throw new RangeError('slots do not ascend')
    }
  }

  #copied({ copyFrom, start }: BatchEntry): number[] | undefined {
    if (copyFrom === undefined) return undefined
    const cells = this.#cells[copyFrom]
    if (cells === undefined || cells.length < start)
      throw new RangeError(`slot ${copyFrom} lacks what is copied`)
    return cells.slice(0, start)
  }

  #compute({ slot, start, tokens, draft, sample }: BatchEntry): StepResult {
    if (sample?.grammar !== undefined) return new Error('the simulated engine has no grammar')
    const cells = this.#cells[slot]
    if (cells === undefined) throw new RangeError(`there is no slot ${slot}`)
    if (start > cells.length)
      throw new RangeError(`slot ${slot} has a gap between ${cells.length} and ${start}`)
    if (tokens.length === 0) throw new RangeError(`slot ${slot} has nothing to compute`)
    cells.length = start
    cells.push(...tokens)
    const { contextSize } = this.limits
    if (cells.length + (draft?.length ?? 0) > contextSize)
      throw new RangeError(`slot ${slot} is over its context size`)
    if (sample === undefined) return undefined
    const draw = (): number => hash(cells, sample.seed) % (this.#options.vocabulary ?? 256)
    if (draft === undefined) return draw()
    const drawn = [draw()]
    for (const [index, guess] of draft.entries()) {
      cells.push(guess)
      if (drawn.length === index + 1 && drawn[index] === guess) drawn.push(draw())
    }
    return drawn
  }
}

/** FNV-1a. */
function hash(values: readonly number[], seed: number): number {
  let result = (2166136261 ^ seed) >>> 0
  for (const value of values) result = Math.imul(result ^ value, 16777619) >>> 0
  return result
}
