import type { TokenLogprob } from '../../text/token-logprob.ts'
import type { NativeSampler } from './addon.ts'
import type { LogitAnswer, NativeHandles } from './native.ts'

/** Log probability that OpenAI gives a token that is as good as impossible. */
const IMPOSSIBLE = -9999

/** Two samplers that change nothing: one looks at the whole vocabulary, one keeps the most probable tokens. */
interface Pair {
  readonly whole: NativeSampler
  readonly best: NativeSampler
}

/**
 * Reads log probabilities from the logits of the last pass, as the model gave them: before penalties, biases, grammar and
 * temperature. docs/logprobs.md has the cost.
 */
export class LogprobReader {
  readonly #native: Pick<NativeHandles, 'newSampler' | 'readLogits'>
  readonly #idle: Pair[] = []

  constructor(native: Pick<NativeHandles, 'newSampler' | 'readLogits'>) {
    this.#native = native
  }

  /** Log probabilities of `token` at a row, and of the `top` most probable tokens there, in order. Between passes only. */
  async read(row: number, token: number, top: number): Promise<TokenLogprob> {
    const pair = this.#idle.pop() ?? this.#newPair()
    try {
      const [answer, best] = await Promise.all([
        this.#native.readLogits(row, pair.whole, [[token], false, false, true, 0]),
        // The most probable one is known from the first answer.
        top > 1 ? this.#best(row, pair.best, top) : undefined,
      ])
      const [first, , , , weight] = answer
      const logits = new Map(pairsOf(answer))
      const own = logits.get(token)
      const most = logits.get(first)
      if (own === undefined || most === undefined || weight === undefined)
        throw new Error('the row has no logits')
      // Over the whole vocabulary: `weight` is the sum of exp(logit - most).
      const all = most + Math.log(weight)
      const logprob = (logit: number): number => Math.max(IMPOSSIBLE, logit - all)
      const ranked = best ?? [[first, most] as const].slice(0, top)
      return { logprob: logprob(own), top: ranked.map(([other, logit]) => [other, logprob(logit)]) }
    } finally {
      this.#idle.push(pair)
    }
  }

  dispose(): void {
    for (const { whole, best } of this.#idle.splice(0)) {
      whole.dispose()
      best.dispose()
    }
  }

  async #best(row: number, sampler: NativeSampler, top: number): Promise<[token: number, logit: number][]> {
    // node-llama-cpp: without a top-k of its own the whole vocabulary is sorted.
    sampler.applyConfig({ temperature: 1, topK: top, seed: 1 })
    const answer = await this.#native.readLogits(row, sampler, [[], false, false, false, top])
    return pairsOf(answer)
  }

  #newPair(): Pair {
    const pair = { whole: this.#native.newSampler(), best: this.#native.newSampler() }
    pair.whole.applyConfig({ temperature: 0 })
    return pair
  }
}

function pairsOf([, , , logits = []]: LogitAnswer): [token: number, logit: number][] {
  const pairs: [number, number][] = []
  for (let at = 0; at + 1 < logits.length; at += 2) pairs.push([logits[at] ?? 0, logits[at + 1] ?? 0])
  return pairs
}
