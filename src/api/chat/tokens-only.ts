import type { Share } from '../../base/share.ts'
import type { TextTurn } from '../../protocol/text-messages.ts'
import { invalidValue } from '../contract/failures.ts'
import type { Serving } from '../serving.ts'

/** Of one answer. More are no text of a model. */
export const MAX_LISTED_TOKENS = 1_048_576

/** What a request asks for that wants tokens, and no generation. */
export interface TokensWanted {
  readonly share: Share
  readonly signal: AbortSignal
  /** Of what will be counted. */
  readonly estimate: number
  /** Tokens that are told; where only their number is, 0. */
  readonly most: number
}

/**
 * Does it behind all that a generation waits for. It costs the tenant's tokens of the minute as prompts do: they are kept by
 * estimate, and spent as they are.
 * @throws ServingError rate_limit_exceeded, and what `work` throws.
 */
export async function tokensOnly<T extends { readonly count: number }>(
  { share, signal, estimate, most }: TokensWanted,
  serving: Pick<Serving, 'reserve' | 'spend'>,
  work: (turn: TextTurn) => Promise<T>,
): Promise<T> {
  const release = serving.reserve(share.tenant, estimate)
  try {
    const counted = await work({ share, signal, bulk: true, most })
    serving.spend(share.tenant, counted.count)
    return counted
  } finally {
    release()
  }
}

/** @throws ServingError invalid_value when one answer would list more than it may. */
export function checkListed(count: number, param: string): void {
  if (count > MAX_LISTED_TOKENS)
    throw invalidValue(param, `it has ${count} tokens, and an answer lists at most ${MAX_LISTED_TOKENS}.`)
}
