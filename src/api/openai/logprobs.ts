import type { ScoredPrompt } from '../../generation/generation.ts'
import type { Vocabulary } from '../../protocol/text-messages.ts'
import type { ScoredToken } from '../../text/output/content-tokens.ts'
import { Detokenizer } from '../../text/output/detokenizer.ts'
import type { TokenLogprob } from '../../text/token-logprob.ts'
import { bytesOf, topLogprobs, wireTokens } from '../chat/wire-tokens.ts'
import { invalidValue } from '../contract/failures.ts'
import type { Read } from '../contract/field.ts'
import { flag } from '../contract/kinds.ts'

const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true })

export const chatLogprobFields = { logprobs: flag, top_logprobs: topLogprobs }

/** OpenAI: a chat's `logprobs` and `top_logprobs`; undefined where no log probabilities are wanted. */
export function chatLogprobs({
  logprobs: wanted = false,
  top_logprobs: top,
}: Read<typeof chatLogprobFields>): { top: number; prompt: false } | undefined {
  if (wanted) return { top: top ?? 0, prompt: false }
  if (top !== undefined) throw invalidValue('top_logprobs', "it needs 'logprobs' to be true.")
  return undefined
}

/** OpenAI: choices[].logprobs of a chat; null where no log probabilities are wanted. */
export function wireLogprobs(
  tokens: readonly ScoredToken[] | undefined,
  vocabulary: Vocabulary,
): object | null {
  if (tokens === undefined) return null
  return { content: wireTokens(tokens, vocabulary), refusal: null }
}

/** A token of the prompt, or a sampled one. The first token of a prompt has no log probability: it follows nothing. */
export type LegacyToken = Omit<ScoredToken, 'logprob'> & { readonly logprob?: TokenLogprob | undefined }

/** OpenAI: legacy log probabilities of one choice, four lists side by side; written from the choice's beginning on. */
export class LegacyLogprobs {
  readonly #vocabulary: Vocabulary
  #offset = 0

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary
  }

  /** OpenAI: `logprobs` of the next tokens. `text_offset` counts the characters of the choice's text before a token. */
  wire(tokens: readonly LegacyToken[]): object {
    return {
      tokens: tokens.map(({ token }) => this.#name(token)),
      token_logprobs: tokens.map(({ logprob }) => logprob?.logprob ?? null),
      top_logprobs: tokens.map(({ token, logprob }) => logprob && this.#ranking(token, logprob)).map(orNull),
      text_offset: tokens.map(({ text }) => {
        const at = Math.max(0, this.#offset)
        this.#offset += codePoints(text)
        return at
      }),
    }
  }

  /** Tokens of an echoed prompt. @param text the prompt. A tokenizer may have put a space before it, which no offset counts. */
  promptTokens({ tokens, logprobs }: ScoredPrompt, text: string): LegacyToken[] {
    const detokenizer = new Detokenizer(this.#vocabulary)
    const scored = [...tokens].map((token, index) => {
      const logprob = index === 0 ? undefined : logprobs[index - 1]
      return { token, text: detokenizer.push(token), logprob }
    })
    this.#offset = codePoints(text) - scored.reduce((sum, token) => sum + codePoints(token.text), 0)
    return scored
  }

  /** OpenAI: log probabilities by text, the sampled token always among them. Of tokens with the same text, the most probable counts. */
  #ranking(token: number, { logprob, top }: TokenLogprob): Record<string, number> {
    const ranking = new Map<string, number>()
    for (const [other, its] of [...top, [token, logprob] as const]) {
      const name = this.#name(other)
      ranking.set(name, Math.max(its, ranking.get(name) ?? its))
    }
    return Object.fromEntries(ranking)
  }

  /** OpenAI: text of a token; one that is no whole UTF-8 is written as bytes:\xe2\x82. */
  #name(token: number): string {
    const name = this.#vocabulary.silent.get(token)
    if (name !== undefined) return name
    const bytes = bytesOf(token, this.#vocabulary)
    try {
      return strict.decode(bytes)
    } catch {
      return `bytes:${[...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}`
    }
  }
}

function codePoints(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}

function orNull<T>(value: T | undefined): T | null {
  return value ?? null
}
