import type { GenerationRequest } from '../../src/generation/generation.ts'
import type { EngineLimits, SamplingParams } from '../../src/protocol/engine.ts'
import type { SequenceSpec } from '../../src/protocol/sequence-spec.ts'
import type { TokenLogprob } from '../../src/text/token-logprob.ts'
import { sampledOf } from '../support/same-text.ts'
import { SimulatedEngine } from '../support/simulated-engine.ts'
import { greedy } from '../support/workload.ts'
import type { Ask } from './case.ts'

export const CONTEXT = 64
export const VOCABULARY = 24
export const ADAPTER = 'one'
const EOS = 0

/** Each token but the first is a letter. */
export const vocabulary = {
  size: VOCABULARY,
  bytes: Uint8Array.from({ length: VOCABULARY - 1 }, (_, at) => 97 + at),
  offsets: Uint32Array.from({ length: VOCABULARY + 1 }, (_, token) => Math.max(0, token - 1)),
  endOfGeneration: [EOS],
  control: [],
  silent: new Map([[EOS, '<end>']]),
}
const letterOf = (token: number): string => (token === EOS ? '' : String.fromCharCode(96 + token))

/** What an undisturbed server answers. */
export interface Expected {
  readonly tokens: readonly number[]
  readonly text: string
  readonly reason: 'stop' | 'length'
  readonly logprobs: readonly TokenLogprob[]
  readonly promptLogprobs: readonly TokenLogprob[]
}

export interface Planned {
  readonly request: GenerationRequest
  readonly expected: Expected
}

const limits: EngineLimits = { slots: 1, contextSize: CONTEXT, batchTokens: 2 * CONTEXT }

/** Computes every token from all that is before it, alone, with nothing kept from one to the next. */
export class Oracle {
  readonly #engine = new SimulatedEngine(limits, { vocabulary: VOCABULARY })
  readonly #ready = this.#engine.loadAdapter(ADAPTER)

  /** One choice of a request. @param now milliseconds */
  async plan(ask: Ask, choice: number, now: number): Promise<Planned> {
    await this.#ready
    const prompt = promptOf(ask)
    const maxTokens = Math.min(ask.maxTokens, CONTEXT - prompt.length)
    const sampling = { ...greedy, seed: ask.seed + choice }
    const drawn = await this.#draw(prompt, maxTokens, sampling, ask)
    const whole = drawn.tokens.map(letterOf).join('')
    const stop = ask.stop && whole.slice(ask.stop.at, ask.stop.at + ask.stop.length)
    return {
      request: {
        spec: {
          prompt: Uint32Array.from(prompt),
          maxTokens,
          stopTokens: ask.ignoreEos ? [] : [EOS],
          sampling,
          speculation: speculationOf(ask, drawn.tokens),
          logprobs: ask.logprobs,
          share: { tenant: ask.tenant, weight: ask.weight, priority: ask.priority },
          cacheScope: ask.scope,
          adapter: ask.adapter,
        },
        stops: stop ? [stop] : [],
        deadlineAt: ask.deadlineMs === undefined ? undefined : now + ask.deadlineMs,
        thoughtLimit: undefined,
        output: undefined,
      },
      expected: cutAt(stop, drawn, ask),
    }
  }

  async #draw(
    prompt: readonly number[],
    maxTokens: number,
    sample: SamplingParams,
    { adapter, logprobs, ignoreEos }: Ask,
  ): Promise<Drawn> {
    const tokens: number[] = []
    const scores: TokenLogprob[] = []
    let promptLogprobs: readonly TokenLogprob[] = []
    for (let all = [...prompt]; tokens.length < Math.max(1, maxTokens); all = [...prompt, ...tokens]) {
      const following = logprobs?.prompt && tokens.length === 0 ? prompt.slice(1) : []
      const scoring = logprobs && { top: logprobs.top, following }
      const entry = {
        id: '',
        slot: 0,
        start: 0,
        tokens: all,
        sample,
        scoring,
        history: all,
        promptLength: 0,
        adapter,
      }
      const [result] = await this.#engine.step([entry])
      const sampled = sampledOf(result)
      if (tokens.length === 0) promptLogprobs = sampled.following
      if (maxTokens === 0) break
      const [token] = sampled.tokens
      if (token === undefined) throw new Error('the oracle has no token')
      scores.push(...sampled.logprobs)
      tokens.push(token)
      if (token === EOS && !ignoreEos) break
    }
    return { tokens, scores, promptLogprobs }
  }
}

interface Drawn {
  readonly tokens: readonly number[]
  readonly scores: readonly TokenLogprob[]
  readonly promptLogprobs: readonly TokenLogprob[]
}

/** At the first token with which the stop string is there. */
function cutAt(stop: string | undefined, { tokens, scores, promptLogprobs }: Drawn, ask: Ask): Expected {
  const ended = !ask.ignoreEos && tokens.at(-1) === EOS
  let text = ''
  for (const [index, token] of tokens.entries()) {
    text += letterOf(token)
    const found = stop ? text.indexOf(stop) : -1
    if (found === -1) continue
    const kept = index + 1
    return {
      tokens: tokens.slice(0, kept),
      text: text.slice(0, found),
      reason: 'stop',
      logprobs: scores.slice(0, kept),
      promptLogprobs,
    }
  }
  return { tokens, text, reason: ended ? 'stop' : 'length', logprobs: scores, promptLogprobs }
}

function promptOf({ text, length, tail }: Ask): number[] {
  // Texts 0 and 1 are one for 20 tokens.
  const base = Array.from({ length }, (_, at) => 1 + ((at * 7 + (at < 20 && text === 1 ? 0 : text) * 5) % 23))
  return [...base, ...tail, 1 + text].slice(0, CONTEXT - 1)
}

function speculationOf({ speculation }: Ask, tokens: readonly number[]): SequenceSpec['speculation'] {
  if (speculation === undefined || speculation === 'lookup') return speculation && { prediction: [] }
  const prediction = tokens.map((token, at) => (at === speculation.wrongAt ? token + 1 : token))
  return { prediction }
}
