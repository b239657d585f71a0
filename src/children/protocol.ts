import type { EngineLimits, SamplingParams, TokenLogprob } from '../engine/engine.ts'
import type { SlotChange } from '../kvcache/slot-blocks.ts'
import type { Share } from '../share.ts'
import type { ChatAbilities } from '../text/chat-abilities.ts'
import type { ChatMessage, ChatTool } from '../text/chat-message.ts'
import type { Constraint } from '../text/grammar/compile-grammar.ts'

export type { SlotChange }

/** How a generation ended. `stop`: an end-of-generation token; `length`: its token limit or the context is full. */
export type FinishReason = 'stop' | 'length' | 'cancelled' | 'error'

// ---- gateway <-> engine process ----

/** First message to the engine process. */
export interface EngineInit {
  /** GGUF path; the first shard of a split model. 'simulated' runs without a model. */
  readonly modelPath: string
  readonly slots: number
  readonly contextSize: number
  readonly batchTokens: number
  /** Most threads of a pass: streams get fewer where that is faster. */
  readonly threads: number
  /** 0: none, and no GPU is looked for. More than there are: all. */
  readonly gpuLayers: number
  /** llama.cpp's backend that has been found. Default: the best that is there. */
  readonly gpuBackend?: string | undefined
  /** llama.cpp: a ggml type name. */
  readonly kvCacheType: string
  /** llama.cpp: without it attention is not computed in tiles, and the KV cache has 16 bits at least. */
  readonly flashAttention: 'auto' | 'on' | 'off'
  readonly prefixCache: boolean
  /** Where prefixes go that have to leave their slots, how many bytes they may take there, and see ParkingPlace. */
  readonly parking:
    | { readonly folder: string; readonly bytes: number; readonly keepAs: string | undefined }
    | undefined
  /** Tokens of the blocks in which it tells what its slots hold; undefined: it does not. */
  readonly blockSize: number | undefined
  /** Milliseconds between two tokens of a running stream that prompts beside it must leave it; 0: chosen by measurement. */
  readonly itlTargetMs: number
  /** LoRA adapters to begin with. One that cannot be loaded fails those who ask for it. */
  readonly adapters: readonly { readonly id: string; readonly path: string }[]
  /** Sequences that may wait in the engine process. The gateway refuses earlier; this is the backstop. */
  readonly maxWaiting: number
}

/** What the engine process says when it can take work. */
export interface EngineReady {
  readonly limits: EngineLimits
  /** Cells of all slots together, and bytes of KV cache where known. */
  readonly kvCells: number
  readonly modelBytes: number
  readonly parameters: number
}

export type EngineCommand =
  | {
      readonly type: 'add'
      readonly id: string
      readonly prompt: Uint32Array
      /** What has been generated already: the sequence goes on after it. */
      readonly generated: Uint32Array
      /** A sequence in whose place this one goes on, with its turn; it is cancelled. */
      readonly replaces: string | undefined
      /** `generated` included, and prompt.length + maxTokens <= limits.contextSize. */
      readonly maxTokens: number
      /** The sequence ends with `stop` when one of these is sampled. Empty when end of generation is ignored. */
      readonly stopTokens: readonly number[]
      readonly sampling: SamplingParams
      /** Whether to guess tokens ahead, and what the output is expected to be like. It never changes the output. */
      readonly speculation: { readonly prediction: readonly number[] } | undefined
      /** Log probabilities that are wanted, of the tokens to come and perhaps of the prompt's: see LogprobRequest. */
      readonly logprobs: { readonly top: number; readonly prompt: boolean } | undefined
      /** Sequences of different scopes never share keys and values. */
      readonly cacheScope: string
      /** The LoRA adapter's id. */
      readonly adapter: string | undefined
      readonly share: Share
    }
  | { readonly type: 'cancel'; readonly id: string }
  /** A LoRA adapter whose file has been checked: between two steps. Answered by an AdapterMessage. */
  | { readonly type: 'load'; readonly id: string; readonly path: string }
  /** One that no sequence uses. */
  | { readonly type: 'unload'; readonly id: string }

/** What one sequence met in one step. */
export interface SequenceEvent {
  readonly id: string
  /** The token sampled in this step; absent when the sequence ended without one. A stop token is included. */
  readonly token?: number
  /** With `token`, where they are wanted. */
  readonly logprob?: TokenLogprob
  /** Of the prompt's tokens, behind those that were told before. */
  readonly promptLogprobs?: readonly TokenLogprob[]
  /** Present once, when the sequence leaves. Nothing follows it. */
  readonly finish?: FinishReason
  /** With `finish`, where tokens were guessed ahead: how many guesses were right, and wrong. */
  readonly drafts?: { readonly accepted: number; readonly rejected: number }
  /** With `finish: 'error'`. */
  readonly message?: string
  /** It has a slot, and its prompt was too long for one pass. */
  readonly started?: true
  /** Another one has its slot; it waits for one, and goes on then. */
  readonly preempted?: true
  /** With the first token of a sequence, or its end. */
  readonly admitted?: {
    /** Prompt tokens found resident in the slot. */
    readonly cached: number
    /** From add to the first batch, and from there to the first token. */
    readonly queueMs: number
    readonly prefillMs: number
  }
}

export interface EngineStats {
  readonly waiting: number
  readonly running: number
  /** Cells that hold tokens of running sequences, of all cells. 0..1. */
  readonly kvUsage: number
  /** Since the process started. */
  readonly steps: number
  readonly promptTokens: number
  readonly cachedTokens: number
  readonly generatedTokens: number
  /** Prefixes outside of the slots: moves since the process started, and bytes now. */
  readonly parked: number
  readonly restored: number
  readonly parkingFailed: number
  readonly parkedBytes: number
}

/** One message a step, with all that happened in it. */
export interface StepMessage {
  readonly type: 'step'
  readonly events: readonly SequenceEvent[]
  readonly stats: EngineStats
  /** Tokens in the forward pass, and how long it took. 0 when only bookkeeping happened (a cancel while idle). */
  readonly batchTokens: number
  readonly stepMs: number
  /** Where something has changed in what slots hold: see EngineInit.blockSize. */
  readonly slots?: readonly SlotChange[]
}

/** How loading an adapter ended. */
export interface AdapterMessage {
  readonly type: 'adapter'
  readonly id: string
  /** Why it cannot be used; undefined: it can. */
  readonly error: string | undefined
}

export type EngineMessage = StepMessage | AdapterMessage

// ---- gateway <-> text process ----

export interface TextInit {
  readonly modelPath: string
  /** How much it gives way to other processes: see setpriority(2). Default 0. */
  readonly niceness?: number
}

/** What the gateway needs to know of a model's vocabulary and metadata; sent once, when the text process is ready. */
export interface TextReady {
  readonly vocabulary: Vocabulary
  readonly model: ModelInfo
}

export interface Vocabulary {
  readonly size: number
  /** The text of token i, as UTF-8 (perhaps a part of a character): bytes[offsets[i], offsets[i + 1]). Control tokens are empty. */
  readonly bytes: Uint8Array
  readonly offsets: Uint32Array
  readonly endOfGeneration: readonly number[]
  readonly control: readonly number[]
  /** The names of tokens that have no text. */
  readonly silent: ReadonlyMap<number, string>
}

export interface ModelInfo {
  readonly name: string
  readonly architecture: string
  readonly trainedContext: number
  /** As it is in the file, or one of our own where it has none. */
  readonly chatTemplate: string
  readonly hasChatTemplate: boolean
  /** Whether the vocabulary has tokens for filling in the middle. */
  readonly infill: boolean
  readonly chat: ChatAbilities
  /** `general.sampling.*` of the GGUF: what the model's maker recommends. */
  readonly sampling: {
    readonly temperature?: number
    readonly topP?: number
    readonly topK?: number
    readonly minP?: number
  }
}

export type TextCall =
  | {
      readonly type: 'chat'
      readonly messages: readonly ChatMessage[]
      readonly tools: readonly ChatTool[]
      /** Allow-listed template variables, such as enable_thinking. */
      readonly kwargs: Readonly<Record<string, unknown>>
    }
  /** Plain text of a client: control tokens written in it are text. BOS is added where the model wants it, unless `bare`. */
  | { readonly type: 'tokenize'; readonly text: string; readonly bare?: boolean }
  /** Text of this server's own: control tokens written in it are meant, and nothing is added. */
  | { readonly type: 'markup'; readonly text: string }
  /** Plain text before and after what is to be generated, for a model with ModelInfo.infill. */
  | { readonly type: 'infill'; readonly prefix: string; readonly suffix: string }
  /** What an output must be, to be compiled. */
  | ({ readonly type: 'grammar' } & Constraint)

export type TextAnswer =
  | {
      readonly type: 'tokens'
      /** None where there are more than TextRequest.most. */
      readonly tokens: Uint32Array
      /** How many there are. */
      readonly count: number
      /** For `chat`, with the tokens: the rendered prompt. */
      readonly rendered?: string
      /** For `chat`: how long rendering took. */
      readonly templateMs?: number
    }
  | { readonly type: 'grammar'; readonly gbnf: string }
  /** The constraint was refused. `path` leads from its source to the guilty part; '' is the whole. */
  | { readonly type: 'refused'; readonly path: string; readonly message: string }
  /**
   * `template_error`: the template refuses these messages. `not_ready`: there is no text process. `starved`: the machine
   * had too little CPU for it. `costly`: it took more CPU than a call may. `busy`: too much waits already. `failed`: anything
   * else.
   */
  | {
      readonly type: 'error'
      readonly code: 'template_error' | 'not_ready' | 'starved' | 'costly' | 'busy' | 'failed'
      readonly message: string
      /** For `busy`: milliseconds after which there is likely to be room. */
      readonly retryAfterMs?: number
    }

export interface TextRequest {
  readonly call: number
  readonly body: TextCall
  /** Tokens that are of use; undefined: all. */
  readonly most: number | undefined
}
export interface TextResponse {
  readonly call: number
  readonly body: TextAnswer
  /** Milliseconds of CPU that it took. */
  readonly cpuMs: number
}

export interface EmbeddingInit {
  /** Whether the model judges pairs of a query and a document; else it makes vectors. */
  readonly ranks: boolean
  readonly modelPath: string
  /** Most tokens of one input, with those that the model adds. */
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
