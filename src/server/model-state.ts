import type { EngineReady } from '../protocol/engine-messages.ts'
import type { TextReady } from '../protocol/text-messages.ts'

/** Where the model that generates is in its life. */
export type ModelState =
  /** Its file is looked for, downloaded or copied, or its processes load it for the first time. */
  | { readonly phase: 'loading'; readonly why: string }
  | { readonly phase: 'ready'; readonly engine: EngineReady; readonly text: TextReady }
  /** It has been ready, and a process of it is being replaced. */
  | { readonly phase: 'restarting'; readonly why: string }
  /** It cannot be served. */
  | { readonly phase: 'refused'; readonly why: string }
  /** The server shuts down: what runs may end. */
  | { readonly phase: 'leaving' }
  /** The server's one model generates nothing. */
  | { readonly phase: 'absent' }

/** Why the next request for it would not be served; undefined: it would, or there is no such model to wait for. */
export function whyNotReady(state: ModelState): string | undefined {
  switch (state.phase) {
    case 'ready':
    case 'absent':
      return undefined
    case 'leaving':
      return 'shutting down'
    default:
      return state.why
  }
}
