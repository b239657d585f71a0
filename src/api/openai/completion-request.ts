import type { Tenant } from '../../http/access/api-keys.ts'
import type { LogprobRequest } from '../../protocol/sequence-spec.ts'
import { type StreamOptions, streamFields, streamOptionsOf, withoutEffect } from '../chat/common-fields.ts'
import { MAX_STOPS, type SamplingRequest, samplingFields, samplingOf, stops } from '../chat/sampling.ts'
import { type SpeculationRequest, speculationFields, speculationOf } from '../chat/speculation.ts'
import { constraintFields, constraintOf, type WantedConstraint } from '../chat/structured-output.ts'
import { limitOf, type TokenLimit, tokenLimit } from '../chat/token-limit.ts'
import { topLogprobs } from '../chat/wire-tokens.ts'
import { checkMost } from '../contract/checks.ts'
import { invalidValue, unsupported } from '../contract/failures.ts'
import type { Read } from '../contract/field.ts'
import { flag, integer, string } from '../contract/kinds.ts'
import { modelField } from '../model-names.ts'
import type { ReadyModel, Serving } from '../serving.ts'
import { type Sharing, sharingFields, sharingOf } from '../sharing.ts'
import { MAX_PROMPTS, type Prompt, promptField, promptsOf } from './prompts.ts'

/** OpenAI: default of `max_tokens` for completions. */
const DEFAULT_MAX_TOKENS = 16
const MAX_BEST_OF = 20

/** A request of POST /completions that has passed its checks. */
export interface CompletionRequest extends SamplingRequest, Sharing {
  readonly prompts: readonly Prompt[]
  readonly echo: boolean
  /** Text that follows the text to be generated. */
  readonly suffix: string | undefined
  readonly limit: TokenLimit | undefined
  readonly constraint: WantedConstraint | undefined
  readonly n: number
  /** Choices that are generated for each prompt; the answer has the best `n` of them. */
  readonly bestOf: number
  readonly logprobs: LogprobRequest | undefined
  readonly speculation: SpeculationRequest
  readonly stream: boolean
  readonly reportUsage: StreamOptions['reportUsage']
}

/** OpenAI: the body of POST /completions. */
export const completionBody = {
  model: modelField,
  n: integer({ min: 1 }),
  ...streamFields,
  best_of: integer({ min: 1, max: MAX_BEST_OF }),
  prompt: promptField,
  echo: flag,
  // Text that comes after the completion.
  suffix: string(),
  max_tokens: tokenLimit,
  // llama-server's.
  n_predict: tokenLimit,
  logprobs: topLogprobs,
  ...constraintFields,
  ...speculationFields,
  ...sharingFields,
  stop: stops(MAX_STOPS),
  ...samplingFields,
  ...withoutEffect,
}
type CompletionBody = Read<typeof completionBody>

/** Makes a completion request of its fields. @throws ServingError where they do not go together, or with this model. */
export function completionOf(
  body: CompletionBody,
  serving: Serving,
  ready: ReadyModel,
  tenant: Tenant | undefined,
): CompletionRequest {
  const { n = 1, echo = false, logprobs: top } = body
  checkMost('n', n, serving.maxN)
  const streaming = streamOptionsOf(body)
  const bestOf = bestOfN(body.best_of ?? n, n, streaming.stream)
  const prompts = promptsOf(body.prompt, ready.vocabulary, serving.controlTokenIds)
  if (prompts.length * bestOf > MAX_PROMPTS) {
    const each = bestOf === n ? `n ${n}` : `best_of ${bestOf}`
    throw invalidValue(
      'prompt',
      `a request has at most ${MAX_PROMPTS} choices; ${prompts.length} prompts with ${each} are more.`,
    )
  }
  return {
    prompts,
    echo,
    suffix: suffixOf(body.suffix, prompts, echo, ready),
    limit: completionLimit(body),
    n,
    bestOf,
    // With `echo` the answer has the log probabilities of the prompt, too.
    logprobs: top === undefined ? undefined : { top, prompt: echo },
    constraint: constraintOf(body),
    speculation: speculationOf(body, serving.promptLookup),
    ...streaming,
    ...sharingOf(body, serving, tenant),
    ...samplingOf(body, ready.info.sampling, ready.vocabulary.size, body.stop),
  }
}

/** OpenAI: an answer that does not say how long it may be is short; there is no more of it than fits. */
function completionLimit(body: CompletionBody): TokenLimit | undefined {
  const { max_tokens: most, n_predict: predicted } = body
  if ((most ?? predicted) === undefined) return { tokens: DEFAULT_MAX_TOKENS, field: undefined }
  return limitOf(body, ['max_tokens', 'n_predict'])
}

/** OpenAI: number of choices that are generated for each prompt; the answer has the best `n` of them. */
function bestOfN(bestOf: number, n: number, stream: boolean): number {
  if (bestOf < n) throw invalidValue('best_of', `it must be at least 'n', which is ${n}.`)
  if (stream && bestOf > n) throw invalidValue('best_of', "with 'stream' it must equal 'n'.")
  return bestOf
}

function suffixOf(
  suffix: string | undefined,
  prompts: readonly Prompt[],
  echo: boolean,
  { info }: ReadyModel,
): string | undefined {
  // An empty suffix, and a model that cannot fill in the middle: a plain completion.
  if (suffix === undefined || (suffix === '' && !info.infill)) return undefined
  if (!info.infill) throw unsupported('suffix', 'This model has no tokens for filling in the middle.')
  if (echo) throw unsupported('suffix', "It is not available together with 'echo'.")
  if (prompts.some((prompt) => typeof prompt !== 'string'))
    throw unsupported('suffix', 'It is available for prompts that are text.')
  return suffix
}
