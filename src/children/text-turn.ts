import type { Share } from '../share.ts'

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
