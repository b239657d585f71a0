// What the gateway and the text process say to each other.
import type { Share } from '../base/share.ts'
import type { Thought } from '../grammar/calls/thought-first.ts'
import type { Constraint } from '../grammar/compile-grammar.ts'
import type { ChatAbilities } from '../text/template/chat-abilities.ts'
import type { ChatMessage, ChatTool } from '../text/template/chat-message.ts'

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

/** What is to be tokenized as a prompt, or as part of one. */
export type PromptCall =
  | {
      readonly type: 'chat'
      readonly messages: readonly ChatMessage[]
      readonly tools: readonly ChatTool[]
      /** Allow-listed template variables, such as enable_thinking. */
      readonly kwargs: Readonly<Record<string, unknown>>
    }
  /** Plain text of a client: control tokens written in it are text. BOS is added where the model wants it, unless `bare`. */
  | { readonly type: 'tokenize'; readonly text: string; readonly bare?: boolean }
  /** Plain text before and after what is to be generated, for a model with ModelInfo.infill. */
  | { readonly type: 'infill'; readonly prefix: string; readonly suffix: string }

/** All that the generations of one request need of the text process. */
export interface Preparation {
  readonly prompts: readonly PromptCall[]
  /** What the output must be, to be compiled. */
  readonly constraint: Constraint | undefined
  /** Where the prompt ends inside a thought: that thought, which the constraint lets come first. */
  readonly openThought: Thought | undefined
  /** Markup of this server's own that ends a thought: control tokens written in it are meant. */
  readonly thoughtEnding: string | undefined
  /** Plain text that the output is expected to be like. */
  readonly prediction: string | undefined
}

export type TextCall = PromptCall | ({ readonly type: 'prepare' } & Preparation)

/** The tokens of a prompt. */
export interface PromptAnswer extends TextTokens {
  readonly type: 'tokens'
  /** Characters that they were made of, a chat's when it is rendered. */
  readonly characters: number
  /** Whether a chat ends inside a thought. */
  readonly inThought: boolean
  /** For a chat: milliseconds that rendering took. */
  readonly templateMs?: number
}

/** Prompts, and, where all of them have a use, the rest of a Preparation. */
export interface Prepared {
  readonly type: 'prepared'
  readonly prompts: readonly PromptAnswer[]
  /** GBNF of the constraint. */
  readonly grammar?: string | undefined
  /** Milliseconds that compiling it took. */
  readonly compileMs?: number
  readonly thoughtEnding?: Uint32Array | undefined
  readonly prediction?: Uint32Array | undefined
}

export type TextAnswer =
  | PromptAnswer
  | Prepared
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

/** Tokens of a text. */
export interface TextTokens {
  /** None where there are more than TextTurn.most. */
  readonly tokens: Uint32Array
  /** How many there are. */
  readonly count: number
}

/** Whose a call of the text process is, what for, and until when it is wanted. */
export interface TextTurn {
  readonly share: Share
  /** When it aborts the call is dropped. */
  readonly signal: AbortSignal
  /** Nothing is generated of it: it goes behind the calls that a generation waits for. Default false. */
  readonly bulk?: boolean
  /** Tokens that are of use: of more, only their number is told. Default: all are. */
  readonly most?: number
}
