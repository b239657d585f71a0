// Messages between the gateway and the engine process.
import type { TokenLogprob } from '../text/token-logprob.ts'
import type { EngineLimits } from './engine.ts'
import type { SequenceSpec } from './sequence-spec.ts'

/** How a generation ended. `stop`: an end-of-generation token; `length`: its token limit or the context is full. */
export type FinishReason = 'stop' | 'length' | 'cancelled' | 'error'

/** First message to the engine process. */
export interface EngineInit {
  /** GGUF path; the first shard of a split model. */
  readonly modelPath: string
  readonly slots: number
  readonly contextSize: number
  readonly batchTokens: number
  /** Threads of a pass at most: streams get fewer where that is faster. */
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
  /** Folder for prefixes that have to leave their slots, and how many bytes they may take there; `keepAs`: see ParkingPlace. */
  readonly parking:
    | { readonly folder: string; readonly bytes: number; readonly keepAs: string | undefined }
    | undefined
  /** Tokens of a block in StepMessage.slots; undefined: what slots hold is not reported. */
  readonly blockSize: number | undefined
  /** Inter-token latency of running streams to keep while prompts are computed, in milliseconds; 0: chosen by measurement. */
  readonly itlTargetMs: number
  /** LoRA adapters to begin with. An adapter that cannot be loaded fails the requests that name it. */
  readonly adapters: readonly { readonly id: string; readonly path: string }[]
  /** Sequences that may wait in the engine process. The gateway refuses earlier; this is the backstop. */
  readonly maxWaiting: number
}

/** Sent by the engine process when it can take work. */
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
      readonly spec: SequenceSpec
      /** Tokens generated already by an earlier engine: the sequence goes on after them. */
      readonly generated: Uint32Array
      /** Id of a sequence that is cancelled, and whose place in the queue this one takes. */
      readonly replaces: string | undefined
    }
  | { readonly type: 'cancel'; readonly id: string }
  /** Load a LoRA adapter, whose file has been checked, between two steps. Answered by an AdapterMessage. */
  | { readonly type: 'load'; readonly id: string; readonly path: string }
  /** Unload an adapter that no sequence uses. */
  | { readonly type: 'unload'; readonly id: string }

/** Event of one sequence in one step. */
export interface SequenceEvent {
  readonly id: string
  /** The token sampled in this step; absent when the sequence ended without one. A stop token is included. */
  readonly token?: number
  /** Log probability of `token`, where it is wanted. */
  readonly logprob?: TokenLogprob
  /** Log probabilities of prompt tokens; each message goes on where the one before ended. */
  readonly promptLogprobs?: readonly TokenLogprob[]
  /** Present once, when the sequence leaves. Nothing follows it. */
  readonly finish?: FinishReason
  /** Draft tokens accepted and rejected, beside `finish`; absent where nothing was drafted. */
  readonly drafts?: { readonly accepted: number; readonly rejected: number }
  /** Why it failed, beside `finish: 'error'`. */
  readonly message?: string
  /** Present once where the prompt takes several passes: the sequence has a slot, and no token yet. */
  readonly started?: true
  /** Present when the sequence lost its slot to another; it waits for a slot, and goes on then. */
  readonly preempted?: true
  /** Present with the first token of a sequence, or with its end. */
  readonly admitted?: {
    /** Prompt tokens found resident in the slot. */
    readonly cached: number
    /** Milliseconds from `add` to the first batch, and from there to the first token. */
    readonly queueMs: number
    readonly prefillMs: number
  }
}

export interface EngineStats {
  readonly waiting: number
  readonly running: number
  /** Cells that hold tokens of running sequences, of all cells. 0..1. */
  readonly kvUsage: number
  /** Counters since the process started. */
  readonly steps: number
  readonly promptTokens: number
  readonly cachedTokens: number
  readonly generatedTokens: number
  /** Parked prefixes: moves since the process started, and bytes now. */
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
  /** Slots whose blocks have changed; absent without changes, or without EngineInit.blockSize. */
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

/** A slot holds other whole blocks than before: the first `kept` are as they were, and `tokens` fill those behind them. */
export interface SlotChange {
  readonly slot: number
  readonly kept: number
  readonly tokens: Uint32Array
  /** Id of the LoRA adapter they were computed with. */
  readonly adapter: string | undefined
}
