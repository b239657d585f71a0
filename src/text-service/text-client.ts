import type { TextAnswer, TextCall, TextTurn } from '../protocol/text-messages.ts'
import { stringsIn } from '../text/json-strings.ts'
import { charactersOf } from '../text/text-sample.ts'
import { busy, TextWorker, type TextWorkerOptions } from './text-worker.ts'

export type TextClientOptions = Omit<TextWorkerOptions, 'name' | 'clockShare'>

/**
 * Characters from which a call goes to a process of its own, so that it does not block others: llama.cpp cannot be interrupted, and
 * reads so many in 3 to 6 ms.
 */
const LONG_TEXT = 20_000
/** See TextWorkerOptions.clockShare. */
const CLOCK_SHARE = 5
/** Clock share and niceness of the process for long texts: on a machine whose cores are all busy a call gets a tenth of one. */
const LONG_CLOCK_SHARE = 20
const LONG_NICENESS = 10
/**
 * Milliseconds for which a tenant's calls of a kind go to the process for long texts, after one of them has outrun its budget: a
 * grammar that was too costly moves the tenant's grammars for ten minutes, and not its prompts.
 */
const COSTLY_MS = 600_000
const MAX_COSTLY = 1000
/** Milliseconds for `retry-after` while the process for long texts is not there. */
const ABSENT_RETRY_MS = 5000

/** Client of the text processes: one for calls of usual length, and, from the first long one on, one for long calls. */
export class TextClient {
  readonly #quick: TextWorker
  readonly #long: TextWorker
  #state: 'new' | 'one' | 'both' | 'stopped' = 'new'
  /** End of the time for which calls count as costly, by kind and tenant; the oldest first. */
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

  /** The process for calls of usual length, which reports the model and has to be there. */
  get child(): TextWorker['child'] {
    return this.#quick.child
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
   * Calls a text process; tenants are served in turn. Never rejects for a failure of the process: that is an answer.
   * @throws the reason with which the turn's signal aborts.
   */
  async call(body: TextCall, turn: TextTurn): Promise<TextAnswer> {
    const parts = body.type === 'prepare' ? [body.prompts, body.constraint, body.prediction] : [body]
    const sizes = parts.map((part) => charactersOf(stringsIn(part)))
    const size = sizes.reduce((sum, part) => sum + part, 0)
    const compiles = body.type === 'prepare' && body.constraint !== undefined
    const kind = `${compiles ? 'grammar' : 'prompt'} ${turn.share.tenant}`
    const isLong = Math.max(...sizes) > LONG_TEXT || (this.#costly.get(kind) ?? 0) > performance.now()
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

  /** Remembers a kind and tenant whose call took too long: it ended a process that others wait for. */
  #remember(kind: string): void {
    this.#costly.delete(kind)
    this.#costly.set(kind, performance.now() + COSTLY_MS)
    const [oldest] = this.#costly.keys()
    if (this.#costly.size > MAX_COSTLY && oldest !== undefined) this.#costly.delete(oldest)
  }

  /** The process for long texts; undefined before it was ready once, but for a bulk call, which waits for its first start. */
  #longWorker(bulk = false): TextWorker | undefined {
    const { child } = this.#long
    if (this.#state === 'one') {
      this.#state = 'both'
      child.start()
    }
    return child.wasReady || (bulk && child.restarts === 0) ? this.#long : undefined
  }
}
