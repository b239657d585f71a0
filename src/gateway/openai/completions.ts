import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { fitInContext } from '../../generation/fit.ts'
import type { Generation, GenerationEnd, GenerationRequest } from '../../generation/generation.ts'
import { Fields, invalidValue, unsupported } from '../fields.ts'
import type { ReadyModel, Serving } from '../serving.ts'
import {
  type Choice,
  type ChunkWriter,
  collectChoices,
  type ErrorListener,
  streamChoices,
} from './choices.ts'
import { ignoredFields, readModel, readStreamOptions } from './common-fields.ts'
import { sendIgnored } from './ignored-header.ts'
import { LegacyLogprobs, type LegacyToken, readLegacyLogprobs } from './logprobs.ts'
import { MAX_PROMPTS, type Prompt, readPrompts, textOf } from './prompts.ts'
import { readSampling, type SamplingRequest, seedOfChoice } from './sampling.ts'
import { readSpeculation, type SpeculationRequest, speculate } from './speculation.ts'
import { constrain, readConstraint, type WantedConstraint } from './structured-output.ts'
import { wireTimings, wireUsage } from './wire-timings.ts'

/** OpenAI: what a completion gets when it does not say. */
const DEFAULT_MAX_TOKENS = 16
const MAX_BEST_OF = 20
interface CompletionRequest extends SamplingRequest {
  readonly prompts: readonly Prompt[]
  readonly echo: boolean
  /** Text behind what is to be generated. */
  readonly suffix: string | undefined
  readonly maxTokens: number
  readonly constraint: WantedConstraint | undefined
  readonly n: number
  /** Choices that are generated for each prompt; the best `n` of them are told. */
  readonly bestOf: number
  readonly logprobs: GenerationRequest['logprobs']
  readonly speculation: SpeculationRequest
  readonly stream: boolean
  readonly includeUsage: boolean
}

/** POST /completions. OpenAI: legacy completions; a prompt is text or token ids, one or many. */
export function completions(app: FastifyInstance, serving: Serving, onError: ErrorListener): void {
  app.post('/completions', { sse: 'manual' }, async (request, reply) => {
    const fields = new Fields(request.body)
    const model = readModel(fields, serving.names)
    const ready = await serving.model()
    const wanted = readCompletion(fields, serving, ready)
    sendIgnored(reply, serving, ignoredFields(fields, serving.strictParams))
    reply.header('x-seed', wanted.sampling.seed)
    const head = {
      id: `cmpl-${randomUUID().replaceAll('-', '')}`,
      object: 'text_completion',
      created: Math.floor(Date.now() / 1000),
      model,
    }
    const answer = { head, wanted, echoed: echoes(wanted, ready), ready }
    const start = (signal: AbortSignal): Promise<Generation[]> => startAll(wanted, ready, serving, signal)
    if (wanted.stream) return streamChoices(reply, start, chunkWriter(answer), wanted.includeUsage, onError)
    return send(reply, answer, await collectChoices(reply, start))
  })
}

function readCompletion(fields: Fields, serving: Serving, ready: ReadyModel): CompletionRequest {
  const n = fields.integer('n', { min: 1, max: serving.maxN }) ?? 1
  const streaming = readStreamOptions(fields)
  const bestOf = readBestOf(fields, n, streaming.stream)
  const prompts = readPrompts(fields, ready.vocabulary, serving.controlTokenIds)
  if (prompts.length * bestOf > MAX_PROMPTS) {
    const each = bestOf === n ? `n ${n}` : `best_of ${bestOf}`
    throw invalidValue(
      'prompt',
      `a request has at most ${MAX_PROMPTS} choices; ${prompts.length} prompts with ${each} are more.`,
    )
  }
  const echo = fields.boolean('echo') ?? false
  const most = Number.MAX_SAFE_INTEGER
  return {
    prompts,
    echo,
    suffix: readSuffix(fields, prompts, echo, ready),
    // Nothing to generate is of use where the prompt is told.
    maxTokens: fields.integer('max_tokens', { min: echo ? 0 : 1, max: most }) ?? DEFAULT_MAX_TOKENS,
    n,
    bestOf,
    logprobs: readLegacyLogprobs(fields, echo),
    constraint: readConstraint(fields),
    speculation: readSpeculation(fields, serving.promptLookup),
    ...streaming,
    ...readSampling(fields, ready.info.sampling, ready.vocabulary.size),
  }
}

/** OpenAI: how many choices are generated, the `n` best of which are told. */
function readBestOf(fields: Fields, n: number, stream: boolean): number {
  const bestOf = fields.integer('best_of', { min: 1, max: MAX_BEST_OF }) ?? n
  if (bestOf < n) throw invalidValue('best_of', `it must be at least 'n', which is ${n}.`)
  if (stream && bestOf > n) throw invalidValue('best_of', "with 'stream' it must equal 'n'.")
  return bestOf
}

/** OpenAI: the text that comes after the completion. */
function readSuffix(
  fields: Fields,
  prompts: readonly Prompt[],
  echo: boolean,
  { info }: ReadyModel,
): string | undefined {
  const suffix = fields.string('suffix')
  if (suffix === undefined) return undefined
  if (!info.infill) throw unsupported('suffix', 'This model has no tokens for filling in the middle.')
  if (echo) throw unsupported('suffix', "It is not available together with 'echo'.")
  if (prompts.some((prompt) => typeof prompt !== 'string'))
    throw unsupported('suffix', 'It is available for prompts that are text.')
  return suffix
}

async function startAll(
  wanted: CompletionRequest,
  ready: ReadyModel,
  serving: Serving,
  signal: AbortSignal,
): Promise<Generation[]> {
  serving.checkRoom(wanted.prompts.length * wanted.bestOf)
  const constrained = await constrain(wanted.sampling, wanted.constraint, ready.vocabulary, serving, signal)
  const speculation = await speculate(wanted.speculation, serving, signal)
  // Choices are compared by their log probabilities.
  const logprobs = wanted.logprobs ?? (wanted.bestOf > wanted.n ? { top: 0, prompt: false } : undefined)
  const requests: GenerationRequest[] = []
  for (const prompt of wanted.prompts) {
    const tokens = await tokensOf(prompt, wanted.suffix, serving, signal)
    const maxTokens = fitInContext(tokens.length, wanted.maxTokens, ready.contextSize, 'prompt')
    for (let choice = 0; choice < wanted.bestOf; choice++) {
      const sampling = { ...constrained, seed: seedOfChoice(constrained.seed, choice) }
      const { stops, ignoreEos } = wanted
      requests.push({ prompt: tokens, maxTokens, stops, ignoreEos, sampling, speculation, logprobs })
    }
  }
  return serving.start(requests)
}

async function tokensOf(
  prompt: Prompt,
  suffix: string | undefined,
  serving: Serving,
  signal: AbortSignal,
): Promise<Uint32Array> {
  if (typeof prompt !== 'string') return prompt
  const tokens = await (suffix === undefined
    ? serving.tokens(prompt, signal)
    : serving.infillTokens(prompt, suffix, signal))
  if (tokens.length > 0) return tokens
  throw invalidValue('prompt', 'it is empty, and this model has no token to begin with.')
}

interface Answer {
  readonly head: object
  readonly wanted: CompletionRequest
  /** The text that a choice begins with, by its index. */
  readonly echoed: (index: number) => string
  readonly ready: ReadyModel
}

function echoes(
  { echo, prompts, n }: CompletionRequest,
  { vocabulary }: ReadyModel,
): (index: number) => string {
  return (index) => (echo ? textOf(prompts[Math.floor(index / n)] ?? '', vocabulary) : '')
}

function send(reply: FastifyReply, answer: Answer, all: readonly Choice[]): FastifyReply {
  const { head, wanted, echoed } = answer
  const choices = best(all, wanted)
  const first = choices[0]
  return reply.send({
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
  })
}

/** OpenAI: the best are those with the highest log probability a token. */
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

/** Choices of one prompt, `each` of them, share it; prompts add up. */
function sumUsage(ends: readonly GenerationEnd[], each: number): object {
  const usages = ends.map((end) => end.usage)
  const firsts = usages.filter((_, index) => index % each === 0)
  const promptTokens = firsts.reduce((sum, usage) => sum + usage.promptTokens, 0)
  const cachedTokens = firsts.reduce((sum, usage) => sum + usage.cachedTokens, 0)
  return wireUsage(usages.map((usage) => ({ ...usage, promptTokens, cachedTokens })))
}

function chunkWriter({ head, wanted, echoed, ready }: Answer): ChunkWriter {
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
    // Where the prompt is scored it comes with its scores.
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
