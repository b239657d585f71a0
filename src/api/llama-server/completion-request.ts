import type { Tenant } from '../../http/access/api-keys.ts'
import { MAX_STOPS, samplingFields, samplingOf, stops } from '../chat/sampling.ts'
import { checkEnd, constraintFields } from '../chat/structured-output.ts'
import { limitOf, tokenLimit } from '../chat/token-limit.ts'
import { topLogprobs } from '../chat/wire-tokens.ts'
import { invalidValue, unsupported } from '../contract/failures.ts'
import { ignored, required, silent } from '../contract/fates.ts'
import type { Field, Read } from '../contract/field.ts'
import { flag, string } from '../contract/kinds.ts'
import { item, list } from '../contract/objects.ts'
import { modelField } from '../model-names.ts'
import type { CompletionRequest } from '../openai/completion-request.ts'
import type { ReadyModel, Serving } from '../serving.ts'
import { sharingFields, sharingOf } from '../sharing.ts'
import { promptField, promptsOf } from './prompts.ts'

const MAX_EXTRA = 1000

/** llama-server: fields that choose samplers, slots or reports that this server has not. */
const WITHOUT_EFFECT = [
  'adaptive_decay',
  'adaptive_target',
  'backend_sampling',
  'dry_allowed_length',
  'dry_base',
  'dry_multiplier',
  'dry_penalty_last_n',
  'dry_sequence_breakers',
  'dynatemp_exponent',
  'dynatemp_range',
  'id_slot',
  'lora',
  'min_keep',
  'mirostat',
  'mirostat_eta',
  'mirostat_tau',
  'n_cache_reuse',
  'n_discard',
  'n_indent',
  'n_keep',
  'post_sampling_probs',
  'response_fields',
  'return_progress',
  'samplers',
  't_max_predict_ms',
  'timings_per_token',
  'top_n_sigma',
  'typical_p',
  'xtc_probability',
  'xtc_threshold',
] as const

const withoutEffect = Object.fromEntries(WITHOUT_EFFECT.map((name) => [name, ignored()])) as Readonly<
  Record<(typeof WITHOUT_EFFECT)[number], Field<unknown>>
>

const shared = {
  model: modelField,
  stream: flag,
  n_predict: tokenLimit,
  n_probs: topLogprobs,
  return_tokens: flag,
  grammar: constraintFields.grammar,
  json_schema: constraintFields.json_schema,
  stop: stops(MAX_STOPS),
  // Every prefix is cached.
  cache_prompt: silent,
  ...samplingFields,
  ...sharingFields,
  ...withoutEffect,
}
type SharedBody = Read<typeof shared>

/** llama-server: the body of POST /completion. */
export const completionBody = { ...shared, prompt: promptField }

/** llama-server: the body of POST /infill. */
export const infillBody = {
  ...shared,
  input_prefix: required(string()),
  input_suffix: required(string()),
  input_extra: list(item({ text: required(string()), filename: string() }), MAX_EXTRA),
  // Goes on with input_prefix.
  prompt: string(),
}

/** A completion, and what is to be reported of it. */
export interface LlamaCompletion extends CompletionRequest {
  /** How many alternatives to each token are reported; 0: no probabilities are. */
  readonly probabilities: number
  readonly withTokens: boolean
}

/** Makes a completion of its fields. @throws ServingError where they do not go together, or with this model. */
export function completionOf(
  body: Read<typeof completionBody>,
  serving: Serving,
  ready: ReadyModel,
  tenant: Tenant | undefined,
): LlamaCompletion {
  const prompts = promptsOf(body.prompt, ready.vocabulary, serving.controlTokenIds)
  return { prompts, suffix: undefined, ...optionsOf(body, serving, ready, tenant) }
}

/** Makes a completion in the middle of a text. @throws ServingError where the model has no tokens for it. */
export function infillOf(
  body: Read<typeof infillBody>,
  serving: Serving,
  ready: ReadyModel,
  tenant: Tenant | undefined,
): LlamaCompletion {
  if (!ready.info.infill)
    throw unsupported('input_suffix', 'This model has no tokens for filling in the middle.')
  const { input_prefix: prefix, input_suffix: suffix, input_extra: extra = [], prompt = '' } = body
  const context = extra.map(({ filename, text }) => `--- ${filename ?? 'file'} ---\n${text}\n`).join('')
  return { prompts: [prefix + prompt], suffix, context, ...optionsOf(body, serving, ready, tenant) }
}

function optionsOf(
  body: SharedBody,
  serving: Serving,
  ready: ReadyModel,
  tenant: Tenant | undefined,
): Omit<LlamaCompletion, 'prompts' | 'suffix'> {
  const { n_probs: probabilities = 0, return_tokens: withTokens = false } = body
  const { grammar, json_schema: schema } = body
  if (grammar !== undefined && schema !== undefined)
    throw invalidValue('json_schema', "the output is already described by 'grammar'.")
  return {
    echo: false,
    limit: limitOf(body, ['n_predict']),
    n: 1,
    bestOf: 1,
    probabilities,
    withTokens,
    logprobs: probabilities > 0 || withTokens ? { top: probabilities, prompt: false } : undefined,
    constraint: checkEnd(body.ignore_eos, grammar ?? schema),
    speculation: { wanted: serving.promptLookup, prediction: '' },
    stream: body.stream ?? false,
    reportUsage: undefined,
    ...sharingOf(body, serving, tenant),
    ...samplingOf(body, ready.info.sampling, ready.vocabulary.size, body.stop),
  }
}
