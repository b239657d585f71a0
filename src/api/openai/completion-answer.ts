import type { GenerationEnd } from '../../generation/generation.ts'
import type { Choice } from '../chat/collect.ts'
import { wireTimings, wireUsage } from '../chat/wire-timings.ts'
import type { ReadyModel } from '../serving.ts'
import type { ChunkWriter } from './choices.ts'
import type { CompletionRequest } from './completion-request.ts'
import { LegacyLogprobs, type LegacyToken } from './logprobs.ts'
import { textOf } from './prompts.ts'

/** Context of an answer that its choices and chunks have in common. */
export interface Answer {
  readonly head: object
  readonly wanted: CompletionRequest
  /** Echoed prompt that a choice begins with, by the choice's index; empty without `echo`. */
  readonly echoed: (index: number) => string
  readonly ready: ReadyModel
}

/** OpenAI: echoed prompt of each choice, by its index; empty without `echo`. */
export function echoes(
  { echo, prompts, n }: CompletionRequest,
  { vocabulary }: ReadyModel,
): (index: number) => string {
  return (index) => (echo ? textOf(prompts[Math.floor(index / n)] ?? '', vocabulary) : '')
}

export function wireCompletion(answer: Answer, all: readonly Choice[]): object {
  const { head, wanted, echoed } = answer
  const choices = best(all, wanted)
  const first = choices[0]
  return {
    ...head,
    choices: choices.map((choice, index) => ({
      index,
      text: echoed(index) + choice.text,
      logprobs: legacyLogprobs(choice, echoed(index), answer),
      finish_reason: choice.end.reason,
    })),
    usage: sumUsage(
      all.map(({ end }) => end),
      wanted.bestOf,
    ),
    ...(first === undefined ? {} : { timings: wireTimings(first.end.timings) }),
  }
}

/** OpenAI: the best `n` choices of each prompt, by their mean log probability per token. */
function best(choices: readonly Choice[], { n, bestOf }: CompletionRequest): readonly Choice[] {
  if (bestOf === n) return choices
  const mean = ({ end }: Choice): number => end.logprobs?.mean ?? 0
  return choices.flatMap((_, from) => {
    if (from % bestOf !== 0) return []
    return choices
      .slice(from, from + bestOf)
      .sort((a, b) => mean(b) - mean(a))
      .slice(0, n)
  })
}

function legacyLogprobs(
  { tokens, prompt, end }: Choice,
  echoed: string,
  { wanted, ready }: Answer,
): object | null {
  if (wanted.logprobs === undefined || tokens === undefined) return null
  const wire = new LegacyLogprobs(ready.vocabulary)
  const before = prompt === undefined ? [] : wire.promptTokens(prompt, echoed)
  const stop = end.logprobs?.stopToken
  return wire.wire([...before, ...tokens, ...(stop === undefined ? [] : [stop])])
}

/** Usage of all choices: the tokens of a prompt count once for its `each` choices, and those of several prompts add up. */
function sumUsage(ends: readonly GenerationEnd[], each: number): object {
  const usages = ends.map((end) => end.usage)
  const firsts = usages.filter((_, index) => index % each === 0)
  const promptTokens = firsts.reduce((sum, usage) => sum + usage.promptTokens, 0)
  const cachedTokens = firsts.reduce((sum, usage) => sum + usage.cachedTokens, 0)
  return wireUsage(usages.map((usage) => ({ ...usage, promptTokens, cachedTokens })))
}

export function chunkWriter({ head, wanted, echoed, ready }: Answer): ChunkWriter {
  const chunk = (index: number, text: string, reason: string | null, logprobs: object | null): object => ({
    ...head,
    choices: [{ index, text, logprobs, finish_reason: reason }],
  })
  const wires = Array.from(
    { length: wanted.prompts.length * wanted.n },
    () => new LegacyLogprobs(ready.vocabulary),
  )
  const wire = (index: number, tokens: readonly LegacyToken[] | undefined): object | null =>
    (tokens && wires[index]?.wire(tokens)) ?? null
  return {
    // A prompt with log probabilities is sent by prompt().
    first: (index) =>
      echoed(index) === '' || wanted.logprobs?.prompt ? undefined : chunk(index, echoed(index), null, null),
    prompt: (index, prompt) => {
      const text = echoed(index)
      return chunk(index, text, null, wire(index, wires[index]?.promptTokens(prompt, text)))
    },
    part: (index, part) =>
      part.type === 'text'
        ? chunk(index, part.text, null, wire(index, part.tokens))
        : chunk(index, '', null, null),
    finish: (index, end) => {
      const stop = end.logprobs?.stopToken
      return {
        ...chunk(index, '', end.reason, stop === undefined ? null : wire(index, [stop])),
        timings: wireTimings(end.timings),
      }
    },
    usage: (ends) => ({ ...head, choices: [], usage: sumUsage(ends, wanted.n) }),
  }
}
