import type { TextAnswer, TextCall, TextInit, TextReady, TextRequest, TextResponse } from './protocol.ts'
import { type ChildLog, SupervisedChild } from './supervised-child.ts'

export interface TextClientOptions {
  readonly entry: URL
  readonly init: TextInit
  readonly log: ChildLog
  /** What one call may take of a ready child, plus a second for each MB of text. Default 2 s. */
  readonly budgetMs?: number
}

const WAIT_FOR_CHILD_MS = 10_000

interface Pending {
  settle(answer: TextAnswer | 'down'): void
}

/** Calls into the text process: each has a budget, and is asked again once when the process dies under it. */
export class TextClient {
  readonly child: SupervisedChild<TextInit, TextRequest, TextReady, TextResponse>
  readonly #budgetMs: number
  readonly #pending = new Map<number, Pending>()
  #calls = 0

  constructor({ entry, init, log, budgetMs = 2000 }: TextClientOptions) {
    this.#budgetMs = budgetMs
    this.child = new SupervisedChild({
      name: 'text',
      entry,
      init,
      log,
      onMessage: ({ call, body }) => this.#pending.get(call)?.settle(body),
      onDown: () => {
        for (const pending of this.#pending.values()) pending.settle('down')
      },
    })
  }

  /** Never rejects for what the text process did: its failure is an answer. */
  async call(body: TextCall, signal?: AbortSignal): Promise<TextAnswer> {
    for (let attempt = 0; attempt < 2; attempt++) {
      signal?.throwIfAborted()
      try {
        await this.child.whenReady(WAIT_FOR_CHILD_MS)
      } catch (error) {
        return failed(error instanceof Error ? error.message : String(error))
      }
      const answer = await this.#once(body)
      if (answer !== 'down') return answer
    }
    return failed('the text process ended twice over this request')
  }

  #once(body: TextCall): Promise<TextAnswer | 'down'> {
    const call = ++this.#calls
    return new Promise((resolve) => {
      const settle = (answer: TextAnswer | 'down'): void => {
        clearTimeout(timer)
        this.#pending.delete(call)
        resolve(answer)
      }
      const budgetMs = this.#budgetMs + sizeOf(body) / 1000
      const timer = setTimeout(() => {
        settle(failed('the text took too long to process'))
        this.child.kill('a call outran its budget')
      }, budgetMs)
      this.#pending.set(call, { settle })
      if (!this.child.send({ call, body })) settle('down')
    })
  }
}

function sizeOf(body: TextCall): number {
  if (body.type === 'tokenize') return body.text.length
  return body.messages.reduce((sum, message) => sum + message.content.length, 0)
}

function failed(message: string): TextAnswer {
  return { type: 'error', code: 'failed', message }
}
