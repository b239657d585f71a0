// What the gateway and the engine process say to each other.
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
      readonly spec: SequenceSpec
      /** What has been generated already: the sequence goes on after it. */
      readonly generated: Uint32Array
      /** A sequence in whose place this one goes on, with its turn; it is cancelled. */
      readonly replaces: string | undefined
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

/** A slot holds other whole blocks than before: the first `kept` are as they were, and `tokens` fill those behind them. */
export interface SlotChange {
  readonly slot: number
  readonly kept: number
  readonly tokens: Uint32Array
  /** The LoRA adapter they were computed with, by its id. */
  readonly adapter: string | undefined
}
