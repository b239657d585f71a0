import { ServingError } from '../base/errors.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { childEntry } from '../process/child-process.ts'
import { type ChildLog, type Loss, SupervisedChild } from '../process/supervised-child.ts'
import type {
  EmbeddingAnswer,
  EmbeddingCall,
  EmbeddingInit,
  EmbeddingReady,
  EmbeddingRequest,
  EmbeddingResponse,
} from '../protocol/embedding-messages.ts'

export interface EmbeddingClientOptions {
  readonly init: EmbeddingInit
  readonly env: Readonly<Record<string, string>>
  readonly log: ChildLog
  readonly metrics: Metrics
  onCrash(loss: Loss): void
}

/** Milliseconds that a request waits for a process that is being restarted. */
const RESTART_PATIENCE_MS = 15_000
/** Calls in the process at most: more would only make its queue long. */
const MAX_PENDING = 256

/** Client of the embedding process. A call during which the process dies is sent once more, to the next one. */
export class EmbeddingClient {
  readonly child: SupervisedChild<EmbeddingInit, EmbeddingRequest, EmbeddingReady, EmbeddingResponse>
  readonly #pending = new Map<number, (answer: EmbeddingAnswer | 'down') => void>()
  #calls = 0

  constructor({ init, env, log, metrics, onCrash }: EmbeddingClientOptions) {
    this.child = new SupervisedChild({
      name: 'embedding',
      entry: childEntry('embedding'),
      init: () => init,
      env,
      log,
      metrics,
      // Tokenizing makes it deaf for as long as a text is long.
      heartbeatTimeoutMs: 60_000,
      onMessage: ({ call, body }) => this.#pending.get(call)?.(body),
      onDown: (loss) => {
        for (const settle of [...this.#pending.values()]) settle('down')
        onCrash(loss)
      },
    })
  }

  /** @throws ServingError model_loading. */
  async ready(): Promise<EmbeddingReady> {
    try {
      return await this.child.whenReady(this.child.wasReady ? RESTART_PATIENCE_MS : 0)
    } catch (cause) {
      throw new ServingError('model_loading', 'The embedding model is not ready', {
        retryAfterMs: 1000,
        cause,
      })
    }
  }

  async prepare(input: string | Uint32Array): Promise<Uint32Array> {
    const answer = await this.#call({ type: 'prepare', input })
    if (answer.type === 'tokens') return answer.tokens
    throw failed('The text of your request could not be tokenized', answer)
  }

  async embed(tokens: Uint32Array): Promise<Float32Array> {
    const answer = await this.#call({ type: 'embed', tokens })
    if (answer.type === 'vector') return answer.vector
    throw failed('The embedding could not be computed', answer)
  }

  async pair(query: string, document: string): Promise<Uint32Array> {
    const answer = await this.#call({ type: 'pair', query, document })
    if (answer.type === 'tokens') return answer.tokens
    throw failed('The text of your request could not be tokenized', answer)
  }

  async rank(pair: Uint32Array): Promise<number> {
    const answer = await this.#call({ type: 'rank', pair })
    if (answer.type === 'score') return answer.score
    throw failed('The score could not be computed', answer)
  }

  async #call(body: EmbeddingCall): Promise<EmbeddingAnswer> {
    for (let attempt = 0; attempt < 2; attempt++) {
      await this.ready()
      const answer = await this.#once(body)
      if (answer !== 'down') return answer
    }
    return { type: 'error', message: 'the embedding process ended twice over this request' }
  }

  #once(body: EmbeddingCall): Promise<EmbeddingAnswer | 'down'> {
    if (this.#pending.size >= MAX_PENDING) {
      throw new ServingError('server_overloaded', 'Too many embedding requests are waiting', {
        retryAfterMs: 1000,
      })
    }
    const call = ++this.#calls
    return new Promise((resolve) => {
      const settle = (answer: EmbeddingAnswer | 'down'): void => {
        this.#pending.delete(call)
        resolve(answer)
      }
      this.#pending.set(call, settle)
      if (!this.child.send({ call, body })) settle('down')
    })
  }
}

function failed(message: string, answer: EmbeddingAnswer): ServingError {
  const cause = new Error(answer.type === 'error' ? answer.message : 'an answer of the wrong type')
  return new ServingError('engine_failed', message, { cause })
}
