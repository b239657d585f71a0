import type { Worker } from 'node:worker_threads'
import { startThread } from '../base/start-thread.ts'
import type { Vocabulary } from '../protocol/text-messages.ts'
import { sampleOf } from '../text/text-sample.ts'

/** The texts of a vocabulary. */
export type Texts = Pick<Vocabulary, 'size' | 'bytes' | 'offsets'>

/**
 * Estimates a text's tokens in less than a millisecond however long it is: tiktoken, with the model's own vocabulary, over a sample
 * of it; only the text process counts exactly. In a thread of its own: tiktoken takes 0.6 s to open a vocabulary of 200,000, for
 * which no probe would be answered.
 */
export class TokenEstimator {
  #thread: Worker | undefined
  #opening: Promise<void> | undefined
  /** Callbacks of the estimates asked for, in order. */
  readonly #answers: ((tokens: number | undefined) => void)[] = []

  /** Opens the vocabulary; later calls do nothing. Resolves when there are estimates. @throws Error when there will be none. */
  async open({ size, bytes, offsets }: Texts): Promise<void> {
    if (this.#opening !== undefined) return
    this.#opening = this.#start({ size, bytes, offsets })
    await this.#opening
  }

  /** Estimated tokens of the texts together, after open(); undefined where it was not called, or failed. */
  async estimate(texts: readonly string[]): Promise<number | undefined> {
    await this.#opening?.catch(() => undefined)
    const thread = this.#thread
    if (thread === undefined) return undefined
    const { windows, scale } = sampleOf(texts)
    const tokens = await new Promise<number | undefined>((resolve) => {
      this.#answers.push(resolve)
      thread.postMessage(windows)
    })
    return tokens === undefined ? undefined : Math.ceil(tokens * scale)
  }

  async close(): Promise<void> {
    await this.#thread?.terminate()
  }

  #start(texts: Texts): Promise<void> {
    const thread = startThread(new URL('estimator-thread', import.meta.url).href, { workerData: texts })
    return new Promise((resolve, reject) => {
      thread.once('message', () => {
        this.#thread = thread
        thread.on('message', (tokens: number) => this.#answers.shift()?.(tokens)).unref()
        resolve()
      })
      thread.once('error', reject)
      thread.once('exit', () => {
        this.#thread = undefined
        for (const answer of this.#answers.splice(0)) answer(undefined)
        reject(new Error('the thread of the estimator has ended'))
      })
      // A listener on a thread keeps the process alive.
      thread.unref()
    })
  }
}
