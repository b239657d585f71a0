import type { Tenant } from '../../http/access/api-keys.ts'
import type { LogprobRequest } from '../../protocol/sequence-spec.ts'
import { readStreamOptions, type StreamOptions } from '../chat/common-fields.ts'
import { readSampling, type SamplingRequest } from '../chat/sampling.ts'
import { readSpeculation, type SpeculationRequest } from '../chat/speculation.ts'
import { readConstraint, type WantedConstraint } from '../chat/structured-output.ts'
import { type Fields, invalidValue, unsupported } from '../fields.ts'
import type { ReadyModel, Serving } from '../serving.ts'
import { readSharing, type Sharing } from '../sharing.ts'
import { readLegacyLogprobs } from './logprobs.ts'
import { MAX_PROMPTS, type Prompt, readPrompts } from './prompts.ts'

/** OpenAI: what a completion gets when it does not say. */
const DEFAULT_MAX_TOKENS = 16
const MAX_BEST_OF = 20

/** What a client asked of POST /completions, checked. */
export interface CompletionRequest extends SamplingRequest, Sharing {
  readonly prompts: readonly Prompt[]
  readonly echo: boolean
  /** Text behind what is to be generated. */
  readonly suffix: string | undefined
  readonly maxTokens: number
  readonly constraint: WantedConstraint | undefined
  readonly n: number
  /** Choices that are generated for each prompt; the best `n` of them are told. */
  readonly bestOf: number
  readonly logprobs: LogprobRequest | undefined
  readonly speculation: SpeculationRequest
  readonly stream: boolean
  readonly tellUsage: StreamOptions['tellUsage']
}

/** @throws ServingError where a field is wrong. */
export function readCompletion(
  fields: Fields,
  serving: Serving,
  ready: ReadyModel,
  tenant: Tenant | undefined,
): CompletionRequest {
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
    ...readSharing(fields, serving, tenant),
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
  // Nothing behind the text, and no token to say so: a plain completion.
  if (suffix === undefined || (suffix === '' && !info.infill)) return undefined
  if (!info.infill) throw unsupported('suffix', 'This model has no tokens for filling in the middle.')
  if (echo) throw unsupported('suffix', "It is not available together with 'echo'.")
  if (prompts.some((prompt) => typeof prompt !== 'string'))
    throw unsupported('suffix', 'It is available for prompts that are text.')
  return suffix
}
