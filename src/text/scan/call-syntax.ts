import type { CallSink } from './call-sink.ts'

/** State after a character. `more`: inside the call; `end`: complete; `broken`: this character does not fit. */
export type CallStep = 'more' | 'end' | 'broken'

/** Reads one call from the end of its head on, and reports it to a sink. */
export interface CallReader {
  push(char: string): CallStep
  /** Ends the call where the model's text ends inside it. */
  end?(): void
  /** Whether the sink knows of the call: until then what was written may still become text. */
  readonly started: boolean
  /** Whether a string is open, where a tag is what the model writes about. */
  readonly inString: boolean
}

/** A call that begins behind a head. */
export interface Begun {
  readonly read: (sink: CallSink) => CallReader
  /** Head of a further call that needs no tag. Absent: only a tag begins another. */
  readonly next?: Head
}

/**
 * Effect of the next character or tag on a head. `more`: it goes on; `text`: it was none, and what was written is text;
 * `plain`: so is the rest of the answer, whatever is in it; `content`: text begins here; a head: that one takes over.
 */
export type HeadStep = 'more' | 'text' | 'plain' | 'content' | Head | Begun

/** Text between the tag, or the beginning of an answer, and the call itself. Made anew for each use. */
export type Head = () => (next: string) => HeadStep

/** All that CallScanner needs to know of a notation. */
export interface CallSyntax {
  /** The tags that may begin a call anywhere, each with the head that follows. */
  readonly opens: Readonly<Record<string, Head>>
  /** Head of a call that begins an answer without a tag. Default: none does. */
  readonly leading?: Head
  /** Tags that only end what is open; elsewhere they are text. */
  readonly tags?: readonly string[]
  /** Tags that end what is open and are never text; a call may follow as at the beginning of an answer. */
  readonly ends?: readonly string[]
  /**
   * The tag behind a call, where only that one ends broken arguments and no tag is looked for before. Absent: any tag
   * ends a call, but not within a string.
   */
  readonly close?: string
}
