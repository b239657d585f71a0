import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Vocabulary } from '../../children/protocol.ts'
import { fitInContext } from '../../generation/fit.ts'
import type { Generation, GenerationEnd, GenerationRequest } from '../../generation/generation.ts'
import { Detokenizer } from '../../text/detokenizer.ts'
import { emptyArray, Fields, invalidValue, missing, tooLong, wrongType } from '../fields.ts'
import type { ReadyModel, Serving } from '../serving.ts'
import {
  type Choice,
  type ChunkWriter,
  collectChoices,
  type ErrorListener,
  streamChoices,
} from './choices.ts'
import { ignoredFields, readModel, readStreamOptions, refuse } from './common-fields.ts'
import { sendIgnored } from './ignored-header.ts'
import { readSampling, type SamplingRequest, seedOfChoice } from './sampling.ts'
import { readSpeculation, type SpeculationRequest, speculate } from './speculation.ts'
import { constrain, readConstraint, type WantedConstraint } from './structured-output.ts'
import { wireTimings, wireUsage } from './wire-timings.ts'

const REFUSED = {
  logprobs: 'Log probabilities are not available yet.',
  suffix: 'Filling in the middle is not available yet.',
}

/** OpenAI: what a completion gets when it does not say. */
const DEFAULT_MAX_TOKENS = 16
const MAX_PROMPTS = 128

type Prompt = string | Uint32Array

interface CompletionRequest extends SamplingRequest {
  readonly prompts: readonly Prompt[]
  readonly echo: boolean
  readonly maxTokens: number
  readonly constraint: WantedConstraint | undefined
  readonly n: number
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
    const echoed = (index: number): string =>
      wanted.echo ? textOf(wanted.prompts[Math.floor(index / wanted.n)] ?? '', ready) : ''
    const start = (signal: AbortSignal): Promise<Generation[]> => startAll(wanted, ready, serving, signal)
    if (wanted.stream)
      return streamChoices(reply, start, chunkWriter(head, echoed, wanted.n), wanted.includeUsage, onError)
    return send(reply, head, await collectChoices(reply, start), echoed, wanted.n)
  })
}

function readCompletion(fields: Fields, serving: Serving, ready: ReadyModel): CompletionRequest {
  refuse(fields, REFUSED)
  const n = fields.integer('n', { min: 1, max: serving.maxN }) ?? 1
  const bestOf = fields.integer('best_of', { min: 1, max: 20 })
  if (bestOf !== undefined && bestOf !== n) throw invalidValue('best_of', "it must equal 'n'.")
  const prompts = readPrompts(fields, idReader(ready.vocabulary, serving.controlTokenIds))
  if (prompts.length * n > MAX_PROMPTS) {
    throw invalidValue(
      'prompt',
      `a request has at most ${MAX_PROMPTS} choices; ${prompts.length} prompts with n ${n} are more.`,
    )
  }
  return {
    prompts,
    echo: fields.boolean('echo') ?? false,
    maxTokens: fields.integer('max_tokens', { min: 1, max: Number.MAX_SAFE_INTEGER }) ?? DEFAULT_MAX_TOKENS,
    n,
    constraint: readConstraint(fields),
    speculation: readSpeculation(fields, serving.promptLookup),
    ...readStreamOptions(fields),
    ...readSampling(fields, ready.info.sampling, ready.vocabulary.size),
  }
}

function readPrompts(fields: Fields, readIds: IdReader): Prompt[] {
  const value = fields.value('prompt')
  if (value === undefined) throw missing('prompt')
  if (typeof value === 'string') return [value]
  if (!Array.isArray(value)) throw wrongType('prompt', 'a string or an array', value)
  if (value.length === 0) throw emptyArray('prompt')
  if (typeof value[0] === 'number') return [readIds(value, 'prompt')]
  if (value.length > MAX_PROMPTS) throw tooLong('prompt', value.length, MAX_PROMPTS)
  const texts = typeof value[0] === 'string'
  return value.map((item: unknown, index) => {
    const path = `prompt[${index}]`
    if (texts && typeof item === 'string') return item
    if (!texts && Array.isArray(item)) return readIds(item, path)
    throw wrongType(path, texts ? 'a string, as the first prompt is' : 'an array of token ids', item)
  })
}

type IdReader = (items: readonly unknown[], path: string) => Uint32Array

/**
 * Token ids go to native code: each is checked here, and again by the engine.
 * A control token is taken as the first one (a prompt's BOS), and elsewhere only where the operator lets it be.
 */
function idReader({ size, control }: Vocabulary, controlTokenIds: boolean): IdReader {
  const refused = new Set(controlTokenIds ? [] : control)
  return (items, path) => {
    if (items.length === 0) throw emptyArray(path)
    for (const [index, item] of items.entries()) {
      if (typeof item !== 'number') throw wrongType(`${path}[${index}]`, 'a token id', item)
      if (!Number.isInteger(item) || item < 0 || item >= size) {
        throw invalidValue(path, `a token id is an integer from 0 to ${size - 1}.`)
      }
      if (index > 0 && refused.has(item)) {
        throw invalidValue(
          `${path}[${index}]`,
          `${item} is a control token, which this server takes at the start only.`,
        )
      }
    }
    return Uint32Array.from(items as readonly number[])
  }
}

async function startAll(
  wanted: CompletionRequest,
  ready: ReadyModel,
  serving: Serving,
  signal: AbortSignal,
): Promise<Generation[]> {
  serving.checkRoom(wanted.prompts.length * wanted.n)
  const constrained = await constrain(wanted.sampling, wanted.constraint, ready.vocabulary, serving, signal)
  const speculation = await speculate(wanted.speculation, serving, signal)
  const requests: GenerationRequest[] = []
  for (const prompt of wanted.prompts) {
    const tokens = typeof prompt === 'string' ? await serving.tokens(prompt, signal) : prompt
    if (tokens.length === 0)
      throw invalidValue('prompt', 'it is empty, and this model has no token to begin with.')
    const maxTokens = fitInContext(tokens.length, wanted.maxTokens, ready.contextSize, 'prompt')
    for (let choice = 0; choice < wanted.n; choice++) {
      const sampling = { ...constrained, seed: seedOfChoice(constrained.seed, choice) }
      const { stops, ignoreEos } = wanted
      requests.push({ prompt: tokens, maxTokens, stops, ignoreEos, sampling, speculation })
    }
  }
  return serving.start(requests)
}

function textOf(prompt: Prompt, ready: ReadyModel): string {
  if (typeof prompt === 'string') return prompt
  const detokenizer = new Detokenizer(ready.vocabulary)
  let text = ''
  for (const token of prompt) text += detokenizer.push(token)
  return text + detokenizer.flush()
}

interface ResponseHead {
  readonly id: string
  readonly object: string
  readonly created: number
  readonly model: string
}

function send(
  reply: FastifyReply,
  head: ResponseHead,
  choices: readonly Choice[],
  echoed: (index: number) => string,
  n: number,
): FastifyReply {
  const first = choices[0]
  return reply.send({
    ...head,
    choices: choices.map(({ text, end }, index) => ({
      index,
      text: echoed(index) + text,
      logprobs: null,
      finish_reason: end.reason,
    })),
    usage: sumUsage(
      choices.map(({ end }) => end),
      n,
    ),
    ...(first === undefined ? {} : { timings: wireTimings(first.end.timings) }),
  })
}

/** Choices of one prompt share it; prompts add up. */
function sumUsage(ends: readonly GenerationEnd[], n: number): object {
  const usages = ends.map((end) => end.usage)
  const firsts = usages.filter((_, index) => index % n === 0)
  const promptTokens = firsts.reduce((sum, usage) => sum + usage.promptTokens, 0)
  const cachedTokens = firsts.reduce((sum, usage) => sum + usage.cachedTokens, 0)
  return wireUsage(usages.map((usage) => ({ ...usage, promptTokens, cachedTokens })))
}

function chunkWriter(head: ResponseHead, echoed: (index: number) => string, n: number): ChunkWriter {
  const chunk = (index: number, text: string, reason: string | null): object => ({
    ...head,
    choices: [{ index, text, logprobs: null, finish_reason: reason }],
  })
  return {
    first: (index) => (echoed(index) === '' ? undefined : chunk(index, echoed(index), null)),
    part: (index, part) => chunk(index, part.type === 'text' ? part.text : '', null),
    finish: (index, end) => ({ ...chunk(index, '', end.reason), timings: wireTimings(end.timings) }),
    usage: (ends) => ({ ...head, choices: [], usage: sumUsage(ends, n) }),
  }
}
