// Messages between the gateway and the embedding process.
export interface EmbeddingInit {
  /** Whether the model ranks pairs of a query and a document; else it makes embeddings. */
  readonly ranks: boolean
  readonly modelPath: string
  /** Tokens of one input at most, with those that the model adds. */
  readonly contextSize: number
  readonly threads: number
  readonly gpuLayers: number
  readonly gpuBackend?: string | undefined
}

export interface EmbeddingReady {
  readonly ranks: boolean
  readonly dimensions: number
  readonly contextSize: number
  readonly vocabularySize: number
  readonly control: readonly number[]
}

export type EmbeddingCall =
  /** Control tokens written in a text are text. The model's own first and last tokens are added to text and to ids. */
  | { readonly type: 'prepare'; readonly input: string | Uint32Array }
  | { readonly type: 'embed'; readonly tokens: Uint32Array }
  /** The tokens of a query and a document together. Control tokens written in them are text. */
  | { readonly type: 'pair'; readonly query: string; readonly document: string }
  | { readonly type: 'rank'; readonly pair: Uint32Array }

export type EmbeddingAnswer =
  | { readonly type: 'tokens'; readonly tokens: Uint32Array }
  | { readonly type: 'vector'; readonly vector: Float32Array }
  | { readonly type: 'score'; readonly score: number }
  | { readonly type: 'error'; readonly message: string }

export interface EmbeddingRequest {
  readonly call: number
  readonly body: EmbeddingCall
}
export interface EmbeddingResponse {
  readonly call: number
  readonly body: EmbeddingAnswer
}
