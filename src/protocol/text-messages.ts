// Messages between the gateway and the text process.
import type { Share } from '../base/share.ts'
import type { Thought } from '../grammar/calls/thought-first.ts'
import type { Constraint } from '../grammar/compile-grammar.ts'
import type { ChatAbilities } from '../text/template/chat-abilities.ts'
import type { ChatMessage, ChatTool } from '../text/template/chat-message.ts'
import type { BegunAnswer } from '../text/template/chat-template.ts'

export interface TextInit {
  readonly modelPath: string
  /** Default: the file's template, and no variables. */
  readonly chatTemplate?: OperatorTemplate
  /** Niceness of the process: see setpriority(2). Default 0. */
  readonly niceness?: number
}

/** The operator's own chat template and variables. */
export interface OperatorTemplate {
  /** Jinja, instead of the file's; undefined: the file's. */
  readonly source: string | undefined
  /** Variables, under those of a request. */
  readonly kwargs: Readonly<Record<string, unknown>>
}

/** A model's vocabulary and metadata, as far as the gateway needs them; sent once, when the text process is ready. */
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
  /** The chat template in use: the operator's, the file's, or a plain one where there is none. */
  readonly chatTemplate: string
  readonly specialTokens: SpecialTokens
  /** Texts that end an answer of a chat, beside the tokens that do: those of the plain template. */
  readonly turnEnds: readonly string[]
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

/** Texts of the tokens that have a role; undefined where the vocabulary has none for it. */
export interface SpecialTokens {
  readonly bos: string | undefined
  readonly eos: string | undefined
  readonly pad: string | undefined
  readonly unknown: string | undefined
  /** Whether every text begins with `bos`. */
  readonly addsBos: boolean
}

/** Request to the text process to tokenize a prompt, or a part of one. */
export type PromptCall =
  | {
      readonly type: 'chat'
      readonly messages: readonly ChatMessage[]
      readonly tools: readonly ChatTool[]
      /** Allow-listed template variables, such as enable_thinking. */
      readonly kwargs: Readonly<Record<string, unknown>>
      /** Whether the answer has the rendered text, too. Default false. */
      readonly withText?: boolean
      /** Beginning of the answer. Default none. */
      readonly begun?: BegunAnswer | undefined
    }
  /** Plain text of a client: control tokens written in it are text. BOS is added where the model wants it, unless `bare`. */
  | { readonly type: 'tokenize'; readonly text: string; readonly bare?: boolean }
  /** Plain texts and token ids, one after the other. */
  | { readonly type: 'mixed'; readonly parts: readonly (string | Uint32Array)[] }
  /** Plain text before and after what is to be generated, for a model with ModelInfo.infill. `context`: text before both. */
  | { readonly type: 'infill'; readonly prefix: string; readonly suffix: string; readonly context?: string }

/** All that the generations of one request need of the text process. */
export interface Preparation {
  readonly prompts: readonly PromptCall[]
  /** Constraint of the output, to be compiled into a grammar. */
  readonly constraint: Constraint | undefined
  /** The thought that comes first where the prompt ends inside one. */
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
  /** Milliseconds that rendering the chat template took; absent where the prompt is no chat. */
  readonly templateMs?: number
}

/** Prompts, and, where all of them have a use, the rest of a Preparation. */
export interface Prepared {
  readonly type: 'prepared'
  readonly prompts: readonly PromptAnswer[]
  /** GBNF of the constraint. */
  readonly grammar?: string | undefined
  /** Paths of keywords that are held to less, or to more, than they say; they lead from where the constraint came from. */
  readonly changed?: readonly string[] | undefined
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
   * `template_error`: the template refuses these messages. `template_unusable`: it renders none. `not_ready`: there is no text process. `starved`: the machine
   * had too little CPU for it. `costly`: it took more CPU than a call may. `busy`: too much waits already. `failed`: anything
   * else.
   */
  | {
      readonly type: 'error'
      readonly code:
        | 'template_error'
        | 'template_unusable'
        | 'not_ready'
        | 'starved'
        | 'costly'
        | 'busy'
        | 'failed'
      readonly message: string
      /** The template's own words against the messages, and the index of the first that it refuses, where that can be found. */
      readonly refusal?: { readonly said: string; readonly at: number | undefined } | undefined
      /** Milliseconds after which a `busy` process is likely to have room. */
      readonly retryAfterMs?: number
    }

export interface TextRequest {
  readonly call: number
  readonly body: TextCall
  /** Tokens the gateway can use: of a longer text only the count is sent. undefined: any number. */
  readonly most: number | undefined
}
export interface TextResponse {
  readonly call: number
  readonly body: TextAnswer
  /** Milliseconds of CPU that the call took. */
  readonly cpuMs: number
}

/** Tokens of a text. */
export interface TextTokens {
  /** Empty where there are more than TextTurn.most. */
  readonly tokens: Uint32Array
  /** How many there are. */
  readonly count: number
  /** Text of a chat, where its call asked for it. */
  readonly text?: string
}

/** The tenant of a call to the text process, its use, and its cancellation. */
export interface TextTurn {
  readonly share: Share
  /** The call is dropped when it aborts. */
  readonly signal: AbortSignal
  /** Whether no generation waits for the call: it goes behind those for which one does. Default false. */
  readonly bulk?: boolean
  /** Tokens the caller can use: of a longer text only the count is sent. Default: any number. */
  readonly most?: number
}
