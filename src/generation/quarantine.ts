import { createHash } from 'node:crypto'
import { ServingError } from '../base/errors.ts'
import type { SequenceSpec } from '../protocol/sequence-spec.ts'
import type { GenerationRequest } from './generation.ts'

/** How long a suspect is refused: clients try again what failed. */
const QUARANTINE_MS = 600_000
const MAX_SUSPECTS = 1000

/** Refuses requests that ran when two engines stopped: a third engine is not risked for the same one. */
export class Quarantine {
  /** Time at which each is let in again, by fingerprint; the oldest first. */
  readonly #until = new Map<string, number>()
  readonly #now: () => number

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  add(request: GenerationRequest): void {
    this.#until.set(fingerprint(request.spec), this.#now() + QUARANTINE_MS)
    const [oldest] = this.#until.keys()
    if (this.#until.size > MAX_SUSPECTS && oldest !== undefined) this.#until.delete(oldest)
  }

  /** @throws ServingError request_quarantined. */
  check(request: GenerationRequest): void {
    if (this.#until.size === 0) return
    const key = fingerprint(request.spec)
    const until = this.#until.get(key)
    if (until === undefined) return
    if (until > this.#now()) {
      throw new ServingError(
        'request_quarantined',
        'The engine stopped twice while it served this very request. It is not let in again for 10 minutes',
      )
    }
    this.#until.delete(key)
  }
}

/** Hash that is equal for requests that differ only in seed and share: a client that tries again may be given others. */
function fingerprint({ prompt, sampling, share: _turn, ...rest }: SequenceSpec): string {
  return createHash('sha256')
    .update(new Uint8Array(prompt.buffer, prompt.byteOffset, prompt.byteLength))
    .update(JSON.stringify([{ ...sampling, seed: undefined }, rest]))
    .digest('base64url')
}
