import type { SamplingParams } from '../../protocol/engine.ts'
import type { GrammarState, NativeSampler } from './addon.ts'

/**
 * Sets a sampler up for the token at `history.length`: the draw depends on (seed, position) alone.
 * @param grammar the text's position in it, and tokens that may not come next whatever the grammar says.
 */
export function configureSampler(
  sampler: NativeSampler,
  params: SamplingParams,
  history: readonly number[],
  grammar?: { readonly state: GrammarState; readonly bans: readonly number[] },
): void {
  const config: Record<string, number | Uint32Array | Float32Array | GrammarState> = {
    temperature: params.temperature,
    seed: mix(params.seed, history.length),
  }
  // node-llama-cpp: a top-k of 0 sorts the whole vocabulary; a key that is absent costs nothing.
  if (params.topK > 0) config['topK'] = params.topK
  if (params.topP < 1) config['topP'] = params.topP
  if (params.minP > 0) config['minP'] = params.minP
  const banned = (grammar?.bans ?? []).map((token) => [token, Number.NEGATIVE_INFINITY] as const)
  const biases = [...params.logitBias, ...banned]
  if (biases.length > 0) {
    config['tokenBiasKeys'] = Uint32Array.from(biases, ([token]) => token)
    config['tokenBiasValues'] = Float32Array.from(biases, ([, bias]) => bias)
  }
  const { repeatPenalty, frequencyPenalty, presencePenalty, penaltyWindow } = params
  if (penaltyWindow > 0 && (repeatPenalty !== 1 || frequencyPenalty !== 0 || presencePenalty !== 0)) {
    config['repeatPenaltyTokens'] = Uint32Array.from(history.slice(-penaltyWindow))
    config['repeatPenaltyMaxTokens'] = penaltyWindow
    config['repeatPenalty'] = repeatPenalty
    config['repeatPenaltyFrequencyPenalty'] = frequencyPenalty
    config['repeatPenaltyPresencePenalty'] = presencePenalty
  }
  if (grammar !== undefined) config['grammarEvaluationState'] = grammar.state
  sampler.applyConfig(config)
}

/** A 32-bit hash of two numbers (murmur3's finalizer). */
function mix(seed: number, position: number): number {
  let hash = (seed ^ Math.imul(position + 1, 0x9e3779b1)) >>> 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b) >>> 0
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35) >>> 0
  return (hash ^ (hash >>> 16)) >>> 0
}
