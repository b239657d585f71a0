import type { CallSink, ToolParser } from '../scan/call-sink.ts'
import type { ReasoningTags } from '../scan/reasoning.ts'

/** The tools of a request: name, and JSON Schema of the parameters. */
export type OfferedTools = ReadonlyMap<string, unknown>

/** `json`: an object; `keywords`: those of a call in Python; `tags`: a tag around each, a string without quotes. */
export type ArgumentStyle = 'json' | 'keywords' | 'tags'

/** What a call of an offered tool is seen by where an answer begins with it. */
export interface LeadingCall {
  /** What no answer but a call begins with; between two pieces there may be white space. */
  opening(name: string): readonly string[]
  /** From there to the arguments. */
  readonly rest: string
  /** Tags behind which an answer begins anew. Default none. */
  readonly behind?: readonly string[]
  /** What an answer may begin with before it. Default nothing. */
  readonly fences?: readonly string[]
}

/** What stands around calls and their arguments, for answers that are held to it. */
export interface CallNotation {
  /** How the calls of an answer begin, and no text does; absent: see `leading`. */
  readonly mark?: string
  /** Where no mark tells a call from text: how it is told at the beginning of an answer. */
  readonly leading?: LeadingCall
  /** Default json. */
  readonly arguments?: ArgumentStyle
  /** Before the first call. The mark is the beginning of this, or of what opens a call. Default nothing. */
  readonly begin?: string
  /** Before a call's arguments, and behind them. */
  open(name: string): string
  readonly close: string
  /** Between two calls; absent: an answer has one. */
  readonly between?: string
  /** Behind the last call. Default nothing. */
  readonly end?: string
  /** What would begin a call in another way: no text holds it. Default none. */
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
  /** What every answer that is no call begins with: answers are read in such a format without tools, too. */
  readonly lead?: string
  /** How it marks a thought, and leads from it to the answer; with a `lead` only. */
  readonly thought?: ReasoningTags
  /** Absent: its calls cannot be forced. */
  readonly notation?: CallNotation
  /** Makes an id one that the template takes when a conversation is replayed; absent: it takes any. */
  callId?(id: string): string
}
