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

/** Answers a request whose body is JSON; which path led to it does not matter. */
export type ApiHandler = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>

/** A model that can be asked now. */
export interface ReadyModel {
  readonly info: ModelInfo
  readonly vocabulary: Vocabulary
  readonly contextSize: number
  /** OpenAI: equal where the same request and seed have the same answer. */
  readonly fingerprint: string
}

/** A model that makes vectors, or judges pairs of a query and a document. All of it @throws ServingError model_loading, server_overloaded, engine_failed. */
export interface Embedding {
  readonly names: readonly string[]
  /** Undefined while the model loads. */
  contextSize(): number | undefined
  ready(): Promise<EmbeddingReady>
  /** The tokens that are computed: text becomes tokens, and the model's own first and last ones are added. */
  prepare(input: string | Uint32Array): Promise<Uint32Array>
  /** Of L2 norm 1. */
  embed(tokens: Uint32Array): Promise<Float32Array>
  /** Of a model that ranks: the tokens of a query and a document together. */
  pair(query: string, document: string): Promise<Uint32Array>
  /** From 0 to 1. */
  rank(pair: Uint32Array): Promise<number>
}

/** LoRA adapters, which clients ask for as models. */
export interface ServedAdapters {
  readonly names: readonly string[]
  /** Whether they may be changed through the API. */
  readonly changeable: boolean
  find(name: string): { readonly id: string; readonly path: string } | undefined
  /** @throws ServingError invalid_value for what is no adapter of this model, model_loading. */
  load(name: string, path: string): Promise<void>
  /** False when there is none of that name. */
  unload(name: string): boolean
}

/** How far a generation is. */
export interface RunningGeneration {
  readonly tenant: string
  readonly promptTokens: number
  readonly generated: number
}

/** What the routes need of the rest of the process. */
export interface Serving {
  /** Names the model answers to; the first is its own. */
  readonly names: readonly string[]
  readonly adapters: ServedAdapters
  /** Undefined where no embedding model is configured. */
  readonly embedding: Embedding | undefined
  /** Unix seconds at which the model was taken into service. */
  readonly created: number
  readonly strictParams: boolean
  /** Whether a prompt of token ids may hold control tokens after its first token. */
  readonly controlTokenIds: boolean
  /** Whether tokens are guessed ahead where a request does not say. */
  readonly promptLookup: boolean
  /** Most choices a request may ask for. */
  readonly maxN: number
  /** What is known of the context; undefined while the model loads. */
  sizes(): { readonly contextSize: number | undefined; readonly trainedContext: number | undefined }
  /** @throws ServingError model_loading, shutting_down. Waits for a child that is being restarted. */
  model(): Promise<ReadyModel>
  /**
   * The tokens of a prompt: the text process's work, where tenants are served in turn.
   * @throws ServingError template_error, request_too_complex, model_loading; server_overloaded where too much waits for it, or the
   * machine has no CPU for it; context_length_exceeded for texts that are sure to be too long.
   */
  prompt(call: PromptCall, turn: TextTurn): Promise<TextTokens>
  /**
   * All that the generations of a request need of the text process. `param` is the field that the constraint came from.
   * @throws ServingError as prompt() does, and invalid_json_schema, invalid_grammar.
   */
  prepare(wanted: Preparation, param: string, turn: TextTurn): Promise<Prepared>
  /** Tokens of the texts together, more or less, in less than a millisecond. */
  estimateTokens(texts: readonly string[]): Promise<number>
  /**
   * Takes room before a request costs any work. To be held with `using`: a request that fails gives it back.
   * @throws ServingError server_overloaded, rate_limit_exceeded, model_loading.
   */
  admit(work: Work): Permit
  /** Starts all of a request, or nothing. @throws ServingError server_overloaded, request_quarantined, model_loading. */
  start(requests: readonly GenerationRequest[], permit: Permit, signal: AbortSignal): Generation[]
  /** Generations that can run at once; 0 while the model loads. */
  slots(): number
  /** Those that run, in order of arrival. */
  running(): readonly RunningGeneration[]
  /** Keeps tokens of a tenant until what it returns is called. @throws ServingError rate_limit_exceeded. */
  reserve(tenant: string, tokens: number): () => void
  /** Counts tokens of a tenant that no generation counts. */
  spend(tenant: string, tokens: number): void
  /** Counts fields that had no effect. */
  ignored(names: readonly string[]): void
}
