import { expect } from 'vitest'
import type { Sampled, StepResult } from '../../src/protocol/engine.ts'
import type { Sequence } from '../../src/scheduler/sequence.ts'

/**
 * By how much two computations of one log probability may differ. Which passes a prompt is cut into, what shares them and which kernels
 * a CPU has decide in what order numbers are added. Of the built-in model that moves a log probability by less than this; what reads a
 * key or value that is wrong, missing or somebody else's is off by far more.
 */
export const GAP = 0.05

/** What was generated. */
export interface Told<Token = number> {
  readonly tokens: readonly Token[]
  /** What the model said of each token, or nothing where nobody asked. */
  readonly logprobs: readonly Ranking<Token>[]
  /** Drawn by chance: any token may fall on either side of a border. Default no. */
  readonly chance?: boolean
  /** Cut short by no decision of the model. Default no. */
  readonly cut?: boolean
}

/** A TokenLogprob, or what the API tells. */
export interface Ranking<Token = number> {
  readonly logprob: number
  /** Most probable first. */
  readonly top: readonly (readonly [token: Token, logprob: number])[]
}

/** @param sequence of which nobody has taken its scores. */
export function toldBy({ tokens, promptLength, scores, spec, end }: Sequence): Told {
  const chance = spec.sampling.temperature > 0
  return { tokens: tokens.slice(promptLength), logprobs: scores, chance, cut: end === 'cancelled' }
}

/** What an entry got of a step. @throws its own error, where it got one. */
export function sampledOf(result: StepResult | undefined): Sampled {
  if (result === undefined || result instanceof Error) throw result ?? new Error('the step had fewer results')
  return result
}

/** A choice of POST /v1/completions with `logprobs` of at least 2. */
export function toldInCompletion({ tokens, token_logprobs, top_logprobs }: CompletionLogprobs): Told<string> {
  const logprobs = top_logprobs.map((top, at) => ({
    logprob: token_logprobs[at] ?? Number.NaN,
    top: Object.entries(top).sort(([, a], [, b]) => b - a),
  }))
  return { tokens, logprobs }
}

export interface CompletionLogprobs {
  readonly tokens: readonly string[]
  readonly token_logprobs: readonly number[]
  readonly top_logprobs: readonly Readonly<Record<string, number>>[]
}

/** What a choice of POST /v1/chat/completions was told with `logprobs`, or the chunks of a stream together. */
export function toldInChat(content: readonly ChatLogprob[]): Told<string> {
  const logprobs = content.map(({ logprob, top_logprobs }) => ({
    logprob,
    top: top_logprobs.map((one) => [one.token, one.logprob] as const),
  }))
  return { tokens: content.map(({ token }) => token), logprobs }
}

export interface ChatLogprob {
  readonly token: string
  readonly logprob: number
  readonly top_logprobs: readonly { readonly token: string; readonly logprob: number }[]
}

/**
 * What differs between two texts but rounding; undefined: nothing. Where the two tokens that they have are as good as equally probable
 * they may part. From there on they are two texts, and are compared no more.
 * @param expected with log probabilities.
 */
export function difference<Token>(one: Told<Token>, expected: Told<Token>, gap = GAP): string | undefined {
  for (let at = 0; at < Math.max(one.tokens.length, expected.tokens.length); at++) {
    if (at === one.tokens.length) return one.cut ? undefined : `it ends at ${at}`
    if (at === expected.tokens.length) return expected.cut ? undefined : `it goes on at ${at}`
    const [mine, its] = [one.logprobs[at], expected.logprobs[at]]
    const silent = one.logprobs.length === 0
    if (its === undefined || (mine === undefined && !silent)) return `nothing is told of the token at ${at}`
    const apart = mine === undefined ? 0 : widest(mine, its)
    if (!(apart <= gap)) return `log probabilities at ${at} differ by ${apart}`
    const token = one.tokens[at]
    if (token === expected.tokens[at]) continue
    const behind = its.logprob - (its.top.find(([other]) => other === token)?.[1] ?? Number.NEGATIVE_INFINITY)
    return one.chance || behind <= gap ? undefined : `another token at ${at}, less probable by ${behind}`
  }
  return undefined
}

/** @throws AssertionError where one of the texts differs by more than rounding, or more than half of them could not be compared to the end. */
export function expectSame<Token>(
  texts: readonly Told<Token>[],
  expected: readonly Told<Token>[],
  gap = GAP,
): void {
  expect(texts).toHaveLength(expected.length)
  let parted = 0
  for (const [index, one] of texts.entries()) {
    const other = expected[index] as Told<Token>
    const where = `${index}: ${one.tokens.join()} next to ${other.tokens.join()}`
    expect(difference(one, other, gap), where).toBeUndefined()
    if (!one.chance && one.tokens.some((token, at) => token !== (other.tokens[at] ?? token))) parted++
  }
  expect(parted, 'texts that part at a tie').toBeLessThanOrEqual(texts.length / 2)
}

/** By how much two rankings differ, in what both of them tell. */
export function widest<Token>(mine: Ranking<Token>, its: Ranking<Token>): number {
  const known = new Map(its.top)
  const gaps = mine.top.map(([token, logprob]) => Math.abs(logprob - (known.get(token) ?? logprob)))
  return Math.max(Math.abs((mine.top[0]?.[1] ?? 0) - (its.top[0]?.[1] ?? 0)), ...gaps)
}

/** The smallest lead that a token of a greedy text has before the next best one: above GAP it is the same however it is computed. */
export function smallestLead<Token>({ logprobs }: Told<Token>): number {
  return Math.min(...logprobs.map(({ top: [best, next] }) => (best?.[1] ?? 0) - (next?.[1] ?? 0)))
}
