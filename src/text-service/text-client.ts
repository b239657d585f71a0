import type { TextAnswer, TextCall, TextTurn } from '../protocol/text-messages.ts'
import { stringsIn } from '../text/json-strings.ts'
import { charactersOf } from '../text/text-sample.ts'
import { busy, TextWorker, type TextWorkerOptions } from './text-worker.ts'

export type TextClientOptions = Omit<TextWorkerOptions, 'name' | 'clockShare'>

/**
 * Characters of a call that may keep others waiting: llama.cpp cannot be interrupted, and reads so many in 3 to 6 ms. Longer ones
 * have a process of their own.
 */
const LONG_TEXT = 20_000
/** See TextWorkerOptions.clockShare. */
const CLOCK_SHARE = 5
/** It gives way to everything else: on a machine whose cores are all busy a call gets a tenth of one. */
const LONG_CLOCK_SHARE = 20
const LONG_NICENESS = 10
/** For so long calls of a kind, of a tenant of whom one of that kind has outrun its budget, are read by the process of the long ones. */
const COSTLY_MS = 600_000
const MAX_COSTLY = 1000
/** For a process that keeps ending over calls. */
const ABSENT_RETRY_MS = 5000

/** Calls into the text processes: one for calls of usual length, and, from the first long one on, one for those. */
export class TextClient {
  readonly #quick: TextWorker
  readonly #long: TextWorker
  #state: 'new' | 'one' | 'both' | 'stopped' = 'new'
  /** Until when, by kind and tenant; the oldest first. */
  readonly #costly = new Map<string, number>()

  constructor({ onReady, init, ...options }: TextClientOptions) {
    this.#quick = new TextWorker({ ...options, init, onReady, name: 'text', clockShare: CLOCK_SHARE })
    this.#long = new TextWorker({
      ...options,
      init: { ...init, niceness: LONG_NICENESS },
      name: 'long-text',
      clockShare: LONG_CLOCK_SHARE,
    })
  }

  /** The process that knows the model first, and that has to be there. */
  get child(): TextWorker['child'] {
    return this.#quick.child
  }

  /** Of all of its processes. */
  get restarts(): number {
    return this.#quick.child.restarts + this.#long.child.restarts
  }

  start(): void {
    if (this.#state !== 'new') return
    this.#state = 'one'
    this.#quick.child.start()
  }

  /** Asks the processes to close, and kills them after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#state = 'stopped'
    await Promise.all([this.#quick, this.#long].map(({ child }) => child.stop(graceMs)))
  }

  /**
   * Tenants are served in turn. Never rejects for what a text process did: its failure is an answer.
   * @throws what the turn's signal aborts with.
   */
  async call(body: TextCall, turn: TextTurn): Promise<TextAnswer> {
    const size = charactersOf(stringsIn(body))
    const kind = `${body.type} ${turn.share.tenant}`
    const isLong = size > LONG_TEXT || (this.#costly.get(kind) ?? 0) > performance.now()
    const answer = await this.#answer(body, size, turn, isLong ? this.#longWorker(turn.bulk) : undefined)
    if (answer.type === 'error' && answer.code === 'costly') this.#remember(kind)
    return answer
  }

  async #answer(
    body: TextCall,
    size: number,
    turn: TextTurn,
    long: TextWorker | undefined,
  ): Promise<TextAnswer> {
    if (long === undefined) return this.#quick.call(body, size, turn)
    const answer = await long.call(body, size, turn)
    if (answer.type !== 'error' || answer.code !== 'not_ready') return answer
    return long.child.wasReady ? busy(ABSENT_RETRY_MS) : this.#quick.call(body, size, turn)
  }

  /** What took too long once may again: it ended a process that others wait for. */
  #remember(kind: string): void {
    this.#costly.delete(kind)
    this.#costly.set(kind, performance.now() + COSTLY_MS)
    const [oldest] = this.#costly.keys()
    if (this.#costly.size > MAX_COSTLY && oldest !== undefined) this.#costly.delete(oldest)
  }

  /** Until it has been there once, a generation does not wait for its start, nor anybody for one that fails to. */
  #longWorker(bulk = false): TextWorker | undefined {
    const { child } = this.#long
    if (this.#state === 'one') {
      this.#state = 'both'
      child.start()
    }
    return child.wasReady || (bulk && child.restarts === 0) ? this.#long : undefined
  }
}
