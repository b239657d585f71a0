import type { Vocabulary } from '../../protocol/text-messages.ts'
import type { ScoredToken } from '../../text/output/content-tokens.ts'
import { integer } from '../contract/kinds.ts'

/** Number of alternatives to each token that the answer lists. OpenAI allows 20 for chat and 5 for completions. */
export const topLogprobs = integer({ min: 0, max: 20 })

const lenient = new TextDecoder('utf-8', { ignoreBOM: true })

/** OpenAI: the tokens of a text with their log probabilities. */
export function wireTokens(tokens: readonly ScoredToken[] | undefined, vocabulary: Vocabulary): object[] {
  return (tokens ?? []).map(({ token, logprob: { logprob, top } }) => ({
    ...wireToken(token, vocabulary),
    logprob,
    top_logprobs: top.map(([other, its]) => ({ ...wireToken(other, vocabulary), logprob: its })),
  }))
}

/** OpenAI: text and bytes of a token. One without bytes of its own, like a control token, is written by its name. */
function wireToken(token: number, vocabulary: Vocabulary): { token: string; bytes: number[] | null } {
  const name = vocabulary.silent.get(token)
  if (name !== undefined) return { token: name, bytes: null }
  const bytes = bytesOf(token, vocabulary)
  return { token: lenient.decode(bytes), bytes: [...bytes] }
}

/** The text of a token, as UTF-8. */
export function bytesOf(token: number, { bytes, offsets }: Vocabulary): Uint8Array {
  return bytes.subarray(offsets[token], offsets[token + 1])
}
