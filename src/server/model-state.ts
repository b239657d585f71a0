import type { EngineReady } from '../protocol/engine-messages.ts'
import type { TextReady } from '../protocol/text-messages.ts'

/** Phase in the life of the model that generates. */
export type ModelState =
  /** The file is looked for, downloaded or copied, or the processes load it for the first time. */
  | { readonly phase: 'loading'; readonly why: string }
  | { readonly phase: 'ready'; readonly engine: EngineReady; readonly text: TextReady }
  /** The model has been ready, and a process of it is being replaced. */
  | { readonly phase: 'restarting'; readonly why: string }
  /** The model cannot be served. */
  | { readonly phase: 'refused'; readonly why: string }
  /** The server shuts down: what runs may end. */
  | { readonly phase: 'draining' }
  /** The server's one model generates nothing. */
  | { readonly phase: 'absent' }

/** Why the next request would not be served; undefined: it would, or there is no model that generates to wait for. */
export function whyNotReady(state: ModelState): string | undefined {
  switch (state.phase) {
    case 'ready':
    case 'absent':
      return undefined
    case 'draining':
      return 'shutting down'
    default:
      return state.why
  }
}
