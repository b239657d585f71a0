import type { Usage } from '../../generation/generation.ts'
import type { Timings } from '../../generation/timings.ts'

/** OpenAI: the usage object. Several choices share one prompt. */
export function wireUsage(usages: readonly Usage[]): object {
  const prompt = usages[0]?.promptTokens ?? 0
  const completion = usages.reduce((sum, usage) => sum + usage.completionTokens, 0)
  const reasoning = usages.reduce((sum, usage) => sum + usage.reasoningTokens, 0)
  const accepted = usages.reduce((sum, usage) => sum + usage.acceptedDrafts, 0)
  const rejected = usages.reduce((sum, usage) => sum + usage.rejectedDrafts, 0)
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: usages[0]?.cachedTokens ?? 0 },
    completion_tokens_details: {
      reasoning_tokens: reasoning,
      accepted_prediction_tokens: accepted,
      rejected_prediction_tokens: rejected,
    },
  }
}

/** llama-server: the `timings` block, its names to the letter. */
export function wireTimings(timings: Timings): object {
  const promptTokens = timings.promptTokens - timings.cachedTokens
  const { prefillMs, decodeMs, generatedTokens } = timings
  return {
    cache_n: timings.cachedTokens,
    prompt_n: promptTokens,
    prompt_ms: prefillMs,
    prompt_per_token_ms: ratio(prefillMs, promptTokens),
    prompt_per_second: ratio(1000 * promptTokens, prefillMs),
    predicted_n: generatedTokens,
    predicted_ms: decodeMs,
    predicted_per_token_ms: ratio(decodeMs, generatedTokens),
    predicted_per_second: ratio(1000 * generatedTokens, decodeMs),
  }
}

/** W3C: the header `server-timing`, which developer tools of browsers show. */
export function serverTiming({ queueMs, prefillMs, decodeMs }: Timings): string {
  const parts = { queue: queueMs, prefill: prefillMs, decode: decodeMs }
  return Object.entries(parts)
    .map(([name, ms]) => `${name};dur=${ms.toFixed(1)}`)
    .join(', ')
}

function ratio(a: number, b: number): number {
  return b === 0 ? 0 : a / b
}
