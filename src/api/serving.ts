import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Generation, GenerationRequest } from '../generation/generation.ts'
import type { Work } from '../generation/generator.ts'
import type { Permit } from '../generation/permit.ts'
import type { EmbeddingReady } from '../protocol/embedding-messages.ts'
import type {
  ModelInfo,
  Preparation,
  Prepared,
  PromptCall,
  TextTokens,
  TextTurn,
  Vocabulary,
} from '../protocol/text-messages.ts'

/** Handler of a request whose body is JSON, whichever path it came by. */
export type ApiHandler = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>

/** Facts about the generating model, once it is loaded. */
export interface ReadyModel {
  readonly info: ModelInfo
  readonly vocabulary: Vocabulary
  readonly contextSize: number
  /** OpenAI: equal where the same request and seed have the same answer. */
  readonly fingerprint: string
}

/**
 * A model that makes embeddings, or ranks documents by a query.
 * Its methods @throws ServingError model_loading, server_overloaded, engine_failed.
 */
export interface Embedding {
  readonly names: readonly string[]
  /** Most tokens of one input; undefined while the model loads. */
  contextSize(): number | undefined
  ready(): Promise<EmbeddingReady>
  /** Tokenizes an input, and adds the model's own first and last tokens. */
  prepare(input: string | Uint32Array): Promise<Uint32Array>
  /** Computes the embedding of an input, with an L2 norm of 1. */
  embed(tokens: Uint32Array): Promise<Float32Array>
  /** Tokenizes a query and a document together, for a model that ranks. */
  pair(query: string, document: string): Promise<Uint32Array>
  /** Computes the score of a pair, from 0 to 1. */
  rank(pair: Uint32Array): Promise<number>
}

/** LoRA adapters, which clients select by naming them as the model. */
export interface ServedAdapters {
  readonly names: readonly string[]
  /** Whether clients may load and unload adapters. */
  readonly changeable: boolean
  find(name: string): { readonly id: string; readonly path: string } | undefined
  /** Loads an adapter from a file. @throws ServingError invalid_value where it is no adapter of this model, model_loading. */
  load(name: string, path: string): Promise<void>
  /** Unloads an adapter. Returns false where none has this name. */
  unload(name: string): boolean
}

/** Progress of a generation. */
export interface RunningGeneration {
  readonly tenant: string
  readonly promptTokens: number
  readonly generated: number
}

/** Everything that the routes need of the rest of the gateway. */
export interface Serving {
  /** Names of the generating model; the first is its own, the others are aliases. */
  readonly names: readonly string[]
  readonly adapters: ServedAdapters
  /** The embedding or ranking model; undefined where none is configured. */
  readonly embedding: Embedding | undefined
  /** Start of service, in Unix seconds: `created` of every model. */
  readonly created: number
  readonly strictParams: boolean
  /** Whether a prompt of token ids may hold control tokens after its first token. */
  readonly controlTokenIds: boolean
  /** Default of a request's `prompt_lookup`. */
  readonly promptLookup: boolean
  /** Most choices that a request may ask for. */
  readonly maxN: number
  /** Sizes of the context in tokens, as served and as trained; undefined while the model loads. */
  sizes(): { readonly contextSize: number | undefined; readonly trainedContext: number | undefined }
  /** Waits for the generating model where its process is being restarted. @throws ServingError model_loading, shutting_down. */
  model(): Promise<ReadyModel>
  /**
   * Makes the tokens of a prompt, in the text process, which serves tenants in turn.
   * @throws ServingError template_error, request_too_complex, model_loading; server_overloaded where its queue is full, or the
   * machine has no CPU for it; context_length_exceeded for texts that are sure to be too long.
   */
  prompt(call: PromptCall, turn: TextTurn): Promise<TextTokens>
  /**
   * Prepares the generations of a request in the text process. `param` is the field that the constraint came from.
   * @throws ServingError as prompt() does, and invalid_json_schema, invalid_grammar.
   */
  prepare(wanted: Preparation, param: string, turn: TextTurn): Promise<Prepared>
  /** Estimates the tokens of several texts together, in less than a millisecond. */
  estimateTokens(texts: readonly string[]): Promise<number>
  /**
   * Reserves room for a request before it costs any work. Hold the permit with `using`: a request that fails gives its room back.
   * @throws ServingError server_overloaded, rate_limit_exceeded, model_loading.
   */
  admit(work: Work): Permit
  /** Starts all generations of a request, or none. @throws ServingError server_overloaded, request_quarantined, model_loading. */
  start(requests: readonly GenerationRequest[], permit: Permit, signal: AbortSignal): Generation[]
  /** Number of generations that can run at once; 0 while the model loads. */
  slots(): number
  /** Generations that run, in order of arrival. */
  running(): readonly RunningGeneration[]
  /** Reserves tokens of a tenant's rate limit; the returned function releases them. @throws ServingError rate_limit_exceeded. */
  reserve(tenant: string, tokens: number): () => void
  /** Counts tokens towards a tenant's rate limit that are part of no generation. */
  spend(tenant: string, tokens: number): void
  /** Counts request fields that had no effect, for the metrics. */
  ignored(names: readonly string[]): void
}
