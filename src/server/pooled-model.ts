import type { Embedding } from '../api/serving.ts'
import { modelLoading } from '../base/errors.ts'
import { EmbeddingClient, type EmbeddingClientOptions } from '../embedding/embedding-client.ts'
import { poolThreads } from '../machine/pool-threads.ts'

/** The model that makes embeddings or ranks: beside one that generates text, or alone. */
export class PooledModel {
  #names: readonly string[] | undefined
  #client: EmbeddingClient | undefined
  #refusal: string | undefined

  /** @param names undefined: there is none, unless the server's one model turns out to be one. */
  constructor(names: readonly string[] | undefined) {
    this.#names = names
  }

  /** Starts the process on a model whose file has been checked. @param names where it has others than it was expected to have. */
  start(options: Omit<EmbeddingClientOptions, 'env'>, names = this.#names): void {
    this.#names = names
    this.#client = new EmbeddingClient({ ...options, env: poolThreads(options.init.gpuLayers) })
    this.#client.child.start()
  }

  /** Notes that the model cannot be served, and why. */
  refuse(reason: string): void {
    this.#refusal = reason
  }

  /** Why the model cannot be asked now; undefined: it can, or there is none. */
  notReady(): string | undefined {
    if (this.#refusal !== undefined) return this.#refusal
    const child = this.#client?.child
    if (this.#names === undefined || child?.state === 'ready') return undefined
    return child?.lastFailure ?? 'the model is loading'
  }

  /** Interface to the model for the API; undefined where there is none. */
  serving(): Embedding | undefined {
    const names = this.#names
    if (names === undefined) return undefined
    const client = (): EmbeddingClient => {
      if (this.#client === undefined) throw modelLoading(this.#refusal ?? 'the model is loading')
      return this.#client
    }
    return {
      names,
      contextSize: () => this.#client?.child.ready?.contextSize,
      ready: async () => client().ready(),
      prepare: async (input) => client().prepare(input),
      embed: async (tokens) => client().embed(tokens),
      pair: async (query, document) => client().pair(query, document),
      rank: async (pair) => client().rank(pair),
    }
  }

  async stop(): Promise<void> {
    await this.#client?.child.stop(1000)
  }
}
