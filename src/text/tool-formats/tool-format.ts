import type { CallSink, ToolParser } from '../scan/call-sink.ts'
import type { ReasoningTags } from '../scan/reasoning.ts'
import type { NestedTags } from './nested-arguments.ts'
import type { ArgumentTags } from './tagged-arguments.ts'

/** The tools of a request: name, and JSON Schema of the parameters. */
export type OfferedTools = ReadonlyMap<string, unknown>

/**
 * How a call writes its arguments. `json`: an object; `bare`: an object with marks around strings alone; `keywords`: those of
 * a call in Python; else tags around each, a string without quotes, perhaps with tags within.
 */
export type ArgumentStyle = 'json' | 'bare' | 'keywords' | ArgumentTags | NestedTags

/** Place of an id in the text of a notation, which the model makes up. */
export const ID = '\u0000'

/** Ids that a model makes up. `number`: it counts its calls; `letters`: ten small letters and digits. */
export type IdStyle = 'number' | 'letters'

/** Marks of a call of an offered tool at the beginning of an answer. */
export interface LeadingCall {
  /** Pieces that no answer but a call begins with; between two there may be white space. */
  opening(name: string): readonly string[]
  /** Text from the opening to the arguments. */
  readonly rest: string
  /** Tags behind which an answer begins anew. Default none. */
  readonly behind?: readonly string[]
  /** Texts that an answer may begin with before the opening. Default none. */
  readonly fences?: readonly string[]
}

/** Text around calls and their arguments, for answers whose grammar holds them to it. */
export interface CallNotation {
  /** How the calls of an answer begin, and no text does; absent: see `leading`. */
  readonly mark?: string
  /** How a call is recognised at the beginning of an answer, where no mark separates it from text. */
  readonly leading?: LeadingCall
  /** How arguments are written. Default json. */
  readonly arguments?: ArgumentStyle
  /** Text before the first call. The mark is the beginning of this, or of what opens a call. Default nothing. */
  readonly begin?: string
  /** Text before a call's arguments. It may hold an ID. */
  open(name: string): string
  /** How ids are written. Default: as numbers. */
  readonly ids?: IdStyle
  /** Text behind a call's arguments. */
  readonly close: string
  /** Text between two calls; absent: an answer has one. */
  readonly between?: string
  /** Text behind the last call. Default nothing. */
  readonly end?: string
  /** Texts that would begin a call in another way: no text holds them. Default none. */
  readonly avoid?: readonly string[]
}

/** How a family of models writes its tool calls. One file each, listed in formats.ts. */
export interface ToolFormat {
  readonly name: string
  /** Whether a chat template teaches this format. */
  recognises(template: string): boolean
  /** Markup that may be control tokens, whose text a detokenizer would otherwise leave out. */
  readonly markers: readonly string[]
  parser(sink: CallSink, offered: OfferedTools): ToolParser
  /** Text that every answer that is no call begins with: answers are read in such a format without tools, too. */
  readonly lead?: string
  /** Tags of a thought, the second of which leads to the answer; with a `lead` only. */
  readonly thought?: ReasoningTags
  /** Notation in which calls can be forced; absent: they cannot. */
  readonly notation?: CallNotation
  /**
   * Makes an id one that the template takes when a conversation is replayed; absent: it takes any.
   * @param name of the function. @param index of the call in its message.
   */
  callId?(id: string, name: string, index: number): string
  /** Makes an argument what the template is to replay; absent: it takes any value. */
  argument?(value: unknown): unknown
}
