import type { Share } from '../../base/share.ts'
import type { TextTurn } from '../../protocol/text-messages.ts'
import { invalidValue } from '../contract/failures.ts'
import type { Serving } from '../serving.ts'

/** Most tokens that one answer lists. No model reads a longer text. */
export const MAX_LISTED_TOKENS = 1_048_576

/** Request for the tokens of a text, without a generation. */
export interface TokensWanted {
  readonly share: Share
  readonly signal: AbortSignal
  /** Estimate of the tokens, for the tenant's rate limit. */
  readonly estimate: number
  /** Most tokens that are wanted; 0 where only their number is. */
  readonly most: number
}

/**
 * Runs `work` behind everything that a generation waits for. Its tokens count towards the tenant's rate limit as prompts do:
 * the estimate is reserved, and the tokens are spent when they are counted.
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

/** Checks the number of tokens that one answer is to list. @throws ServingError invalid_value when it is too large. */
export function checkListed(count: number, param: string): void {
  if (count > MAX_LISTED_TOKENS)
    throw invalidValue(param, `it has ${count} tokens, and an answer lists at most ${MAX_LISTED_TOKENS}.`)
}
