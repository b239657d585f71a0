import type { SlotChange } from '../protocol/engine-messages.ts'
import { emptyPrefix, ownerOf, type Prefix, sharedTokens } from './prefix.ts'

/** Shows what a slot holds: the first `count` tokens of a prefix. */
export type ShowHeld = (slot: number, prefix: Prefix, count: number) => void

interface Seen {
  readonly prefix: Prefix
  readonly whole: number
  /** How many of the whole blocks were reported. */
  readonly reported: number
}

const NOTHING: Seen = { prefix: emptyPrefix(''), whole: 0, reported: 0 }

/**
 * Follows which whole blocks slots hold, and reports what has changed since the last call. Blocks that are private to a tenant
 * or salt are not reported: no other request could use them.
 */
export class SlotBlocks {
  readonly #size: number
  readonly #seen: Seen[] = []
  #changes: SlotChange[] = []

  /** @param size tokens of a block. */
  constructor(size: number) {
    this.#size = size
  }

  /** @param source shows each slot once. A list of tokens that it has shown may grow, but never changes. */
  changes(source: { held(show: ShowHeld): void }): readonly SlotChange[] {
    this.#changes = []
    source.held(this.#compare)
    return this.#changes
  }

  readonly #compare: ShowHeld = (slot, prefix, count) => {
    const seen = this.#seen[slot] ?? NOTHING
    const whole = Math.floor(count / this.#size)
    // In nearly every step nothing is new: that is found without looking at a token.
    if (whole === seen.whole && (whole === 0 || prefix.tokens === seen.prefix.tokens)) return
    const { owner, adapter } = ownerOf(prefix.scope)
    const reported = owner === '' ? whole : 0
    const same = prefix.tokens === seen.prefix.tokens ? count : sharedTokens(prefix, seen.prefix)
    const kept = Math.min(reported, seen.reported, Math.floor(same / this.#size))
    this.#seen[slot] = { prefix: { scope: prefix.scope, tokens: prefix.tokens }, whole, reported }
    if (kept === reported && kept === seen.reported) return
    const tokens = Uint32Array.from(prefix.tokens.slice(kept * this.#size, reported * this.#size))
    this.#changes.push({ slot, kept, tokens, adapter })
  }
}
