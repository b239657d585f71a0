import type { GenerationEnd } from '../../generation/generation.ts'
import type { ScoredToken } from '../../text/output/content-tokens.ts'
import type { Choice } from '../chat/collect.ts'
import { wireTimings } from '../chat/wire-timings.ts'
import { wireTokensWithIds } from '../chat/wire-tokens.ts'
import type { ChunkWriter } from '../openai/choices.ts'
import { textOf } from '../openai/prompts.ts'
import type { ReadyModel } from '../serving.ts'
import type { LlamaCompletion } from './completion-request.ts'

/** llama-server: answer of one prompt, or a list of those of several. */
export function wireCompletion(
  model: string,
  wanted: LlamaCompletion,
  choices: readonly Choice[],
  ready: ReadyModel,
): object {
  const all = choices.map(({ text, tokens, end }, index) => ({
    ...wireEnd(model, wanted, index, end, ready),
    content: text,
    ...wireTokensOf(tokens, wanted, ready),
    has_new_line: text.includes('\n'),
  }))
  const [first] = all
  return first !== undefined && all.length === 1 ? first : all
}

/** llama-server: chunks of the content, and a last one with everything else. */
export function chunkWriter(model: string, wanted: LlamaCompletion, ready: ReadyModel): ChunkWriter {
  const withNewLine = new Set<number>()
  return {
    first: () => undefined,
    part: (index, part) => {
      const text = part.type === 'text' ? part.text : ''
      if (text.includes('\n')) withNewLine.add(index)
      const tokens = part.type === 'text' ? part.tokens : undefined
      return { index, content: text, ...wireTokensOf(tokens, wanted, ready), stop: false }
    },
    finish: (index, end) => ({
      ...wireEnd(model, wanted, index, end, ready),
      content: '',
      tokens: [],
      has_new_line: withNewLine.has(index),
    }),
    usage: () => ({}),
  }
}

function wireTokensOf(
  tokens: readonly ScoredToken[] = [],
  { probabilities, withTokens }: LlamaCompletion,
  { vocabulary }: ReadyModel,
): object {
  return {
    tokens: withTokens ? tokens.map(({ token }) => token) : [],
    ...(probabilities > 0 && { completion_probabilities: wireTokensWithIds(tokens, vocabulary) }),
  }
}

function wireEnd(
  model: string,
  wanted: LlamaCompletion,
  index: number,
  { reason, stop, usage, timings }: GenerationEnd,
  { vocabulary }: ReadyModel,
): object {
  return {
    index,
    model,
    prompt: textOf(wanted.prompts[index] ?? '', vocabulary),
    stop: true,
    stop_type: reason === 'length' ? 'limit' : stop === undefined ? 'eos' : 'word',
    stopping_word: stop ?? '',
    truncated: false,
    tokens_predicted: usage.completionTokens,
    tokens_evaluated: usage.promptTokens,
    tokens_cached: usage.cachedTokens,
    generation_settings: settingsOf(wanted),
    timings: wireTimings(timings),
  }
}

function settingsOf({ sampling, stops, ignoreEos, limit, stream, probabilities }: LlamaCompletion): object {
  return {
    seed: sampling.seed,
    temperature: sampling.temperature,
    top_k: sampling.topK,
    top_p: sampling.topP,
    min_p: sampling.minP,
    repeat_penalty: sampling.repeatPenalty,
    repeat_last_n: sampling.penaltyWindow,
    presence_penalty: sampling.presencePenalty,
    frequency_penalty: sampling.frequencyPenalty,
    n_predict: limit?.tokens ?? -1,
    n_probs: probabilities,
    stop: stops,
    ignore_eos: ignoreEos,
    stream,
  }
}
