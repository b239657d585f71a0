import { readFile, writeFile } from 'node:fs/promises'
import {
  type AdapterHost,
  type BatchEntry,
  type Engine,
  type EngineLimits,
  rowsOf,
  type SlotStorage,
  type StepResult,
} from '../../src/protocol/engine.ts'
import type { TokenLogprob } from '../../src/text/token-logprob.ts'

export interface SimulatedOptions {
  readonly vocabulary?: number
  /** How long a step takes, in milliseconds. */
  readonly delayMs?: number
  /** Default: files. */
  readonly files?: SimulatedFiles
  /** Fails an entry, or the whole step, when it returns so. */
  readonly fault?: (
    batch: readonly BatchEntry[],
  ) => { readonly entry: number; readonly error: Error } | Error | undefined
}

/** Where slots are saved. */
export interface SimulatedFiles {
  read(path: string): Promise<string>
  write(path: string, text: string): Promise<void>
}

const onDisk: SimulatedFiles = { read: (path) => readFile(path, 'utf8'), write: writeFile }

/** Above all token ids, and odd: a hash of 8 bits is to see it. */
const ADAPTED = 1_000_003

/**
 * An engine without a model. The next token is a hash of all that is resident in the slot,
 * so one misplaced, missing or stale cell changes the output.
 */
export class SimulatedEngine implements Engine, SlotStorage, AdapterHost {
  readonly limits: EngineLimits
  readonly #options: SimulatedOptions
  readonly #files: SimulatedFiles
  readonly #cells: number[][]
  /** What is added to a token in a cell that was computed with an adapter. */
  readonly #adapters = new Map<string, number>()

  constructor(limits: EngineLimits, options: SimulatedOptions = {}) {
    this.limits = limits
    this.#options = options
    this.#files = options.files ?? onDisk
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
    await this.#files.write(path, text)
    return text.length
  }

  async load(slot: number, path: string, tokens: readonly number[]): Promise<void> {
    this.#cells[slot] = []
    const cells = JSON.parse(await this.#files.read(path)) as number[]
    if (cells.map((cell) => cell % ADAPTED).join() !== tokens.join())
      throw new Error('the file holds other tokens')
    this.#cells[slot] = cells
  }

  async loadAdapter(id: string): Promise<void> {
    this.#adapters.set(id, ADAPTED * (1 + (hash(Buffer.from(id), 0) % 1000)))
  }

  async unloadAdapter(id: string): Promise<void> {
    this.#adapters.delete(id)
  }

  async close(): Promise<void> {}

  /** The tokens in a slot, be they of any use or not, and the adapter they were computed with. */
  held(slot: number): readonly { readonly token: number; readonly adapter: string | undefined }[] {
    const names = new Map([...this.#adapters].map(([id, added]) => [added, id]))
    return (this.#cells[slot] ?? []).map((cell) => {
      const token = cell % ADAPTED
      return { token, adapter: names.get(cell - token) }
    })
  }

  #check(batch: readonly BatchEntry[]): void {
    const total = rowsOf(batch)
    if (total > this.limits.batchTokens) throw new RangeError(`${total} tokens do not fit in a batch`)
    for (const [index, { slot, adapter }] of batch.entries()) {
      if (adapter !== batch[0]?.adapter) throw new RangeError('a pass has one adapter')
      if (adapter !== undefined && !this.#adapters.has(adapter)) throw new RangeError(`no adapter ${adapter}`)
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

  #compute({ slot, start, tokens, draft, sample, scoring, adapter }: BatchEntry): StepResult {
    const adapted = adapter === undefined ? 0 : (this.#adapters.get(adapter) ?? 0)
    const cell = (token: number): number => token + adapted
    if (sample?.grammar !== undefined) return new Error('the simulated engine has no grammar')
    const cells = this.#cells[slot]
    if (cells === undefined) throw new RangeError(`there is no slot ${slot}`)
    if (start > cells.length)
      throw new RangeError(`slot ${slot} has a gap between ${cells.length} and ${start}`)
    if (tokens.length === 0) throw new RangeError(`slot ${slot} has nothing to compute`)
    cells.length = start
    const following = (scoring?.following ?? []).map((token, index) => {
      cells.push(...tokens.slice(index, index + 1).map(cell))
      return this.#score(cells, token, scoring?.top ?? 0)
    })
    cells.push(...tokens.slice(following.length).map(cell))
    const { contextSize } = this.limits
    if (cells.length + (draft?.length ?? 0) > contextSize)
      throw new RangeError(`slot ${slot} is over its context size`)
    const logprobs: TokenLogprob[] = []
    const drawn: number[] = []
    const draw = (seed: number): void => {
      const token = hash(cells, seed) % (this.#options.vocabulary ?? 256)
      drawn.push(token)
      if (scoring !== undefined) logprobs.push(this.#score(cells, token, scoring.top))
    }
    if (sample !== undefined) draw(sample.seed)
    for (const [index, guess] of (draft ?? []).entries()) {
      cells.push(cell(guess))
      if (sample !== undefined && drawn.length === index + 1 && drawn[index] === guess) draw(sample.seed)
    }
    return { tokens: drawn, logprobs, following }
  }

  /** Another hash of the cells: the seed has no part in it. */
  #score(cells: readonly number[], token: number, top: number): TokenLogprob {
    const before = hash(cells, 1)
    const logits = Array.from({ length: this.#options.vocabulary ?? 256 }, (_, candidate) => {
      return (hash([candidate], before) % 1000) / 100
    })
    const all = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0))
    const ranked = logits.map((logit, candidate) => [candidate, logit - all] as const)
    ranked.sort((a, b) => b[1] - a[1])
    return { logprob: (logits[token] ?? Number.NEGATIVE_INFINITY) - all, top: ranked.slice(0, top) }
  }
}

/** FNV-1a. */
function hash(values: Iterable<number>, seed: number): number {
  let result = (2166136261 ^ seed) >>> 0
  for (const value of values) result = Math.imul(result ^ value, 16777619) >>> 0
  return result
}
