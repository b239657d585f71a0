import type { Tenant } from '../../http/access/api-keys.ts'
import type { LogprobRequest } from '../../protocol/sequence-spec.ts'
import type { ChatAbilities } from '../../text/template/chat-abilities.ts'
import { MAX_STOPS, type SamplingRequest, samplingFields, samplingOf, stops } from '../chat/sampling.ts'
import type { SpeculationRequest } from '../chat/speculation.ts'
import { ANY_OBJECT, checkEnd, schemaConstraint, type WantedConstraint } from '../chat/structured-output.ts'
import { type Effort, type ThinkingRequest, thinkingOf } from '../chat/thinking.ts'
import type { TokenLimit } from '../chat/token-limit.ts'
import { checkOneOf } from '../contract/checks.ts'
import { wrongType } from '../contract/failures.ts'
import { ignored, refused, silent } from '../contract/fates.ts'
import { at, type Field, type Read, readDeclared } from '../contract/field.ts'
import { Fields } from '../contract/fields.ts'
import { anything, flag, integer, mapped } from '../contract/kinds.ts'
import { object } from '../contract/objects.ts'
import { modelField } from '../model-names.ts'
import { chatLogprobFields, chatLogprobs } from '../openai/logprobs.ts'
import type { ReadyModel, Serving } from '../serving.ts'
import { type Sharing, sharingFields, sharingOf } from '../sharing.ts'

const LEVELS = ['low', 'medium', 'high', 'max'] as const

/** Ollama: options that set how a model is loaded or held, or how tokens are drawn in ways that this server has not. */
const WITHOUT_EFFECT = [
  'num_ctx',
  'num_keep',
  'num_batch',
  'num_gpu',
  'num_thread',
  'main_gpu',
  'use_mmap',
  'use_mlock',
  'low_vram',
  'numa',
  'f16_kv',
  'vocab_only',
  'draft_num_predict',
  'typical_p',
  'tfs_z',
  'mirostat',
  'mirostat_tau',
  'mirostat_eta',
  'penalize_newline',
] as const

const withoutEffect = Object.fromEntries(WITHOUT_EFFECT.map((name) => [name, ignored()])) as Readonly<
  Record<(typeof WITHOUT_EFFECT)[number], Field<unknown>>
>

const optionFields = {
  // -1 and -2: as many as the context has room for.
  num_predict: integer({ min: -2 }),
  stop: stops(MAX_STOPS),
  ...samplingFields,
  ...withoutEffect,
}

/** Ollama: `format`, which is "json" or a JSON Schema. */
const format = mapped(
  anything({ anyOf: [{ enum: ['', 'json'] }, { type: 'object' }] }),
  (value, param): WantedConstraint | undefined => {
    if (value === '') return undefined
    if (typeof value === 'object') return { constraint: schemaConstraint(value, param), param }
    checkOneOf(param, value, ['json'])
    return { constraint: ANY_OBJECT, param }
  },
)

const think = mapped(
  anything({ anyOf: [{ type: 'boolean' }, { type: 'string', enum: LEVELS }] }),
  (value, param) => {
    if (typeof value === 'boolean') return value
    if (typeof value !== 'string') throw wrongType(param, 'a boolean or a string', value)
    return checkOneOf(param, value, LEVELS)
  },
)

/** Ollama: fields that /api/chat and /api/generate have in common. */
export const generationFields = {
  model: modelField,
  stream: flag,
  format,
  think,
  options: object(optionFields),
  // The model is held as long as the server runs.
  keep_alive: silent,
  // A prompt that does not fit is refused.
  truncate: ignored(),
  shift: ignored(),
  ...chatLogprobFields,
  ...sharingFields,
}
type GenerationBody = Read<typeof generationFields>

/** Field of images, which no model here reads. */
export const images = refused('This model reads text only.')

/** Settings of a generation that do not depend on whether it answers a chat or goes on with a text. */
export interface GenerationOptions extends SamplingRequest, Sharing {
  readonly limit: TokenLimit | undefined
  readonly constraint: WantedConstraint | undefined
  readonly speculation: SpeculationRequest
  readonly logprobs: LogprobRequest | undefined
  readonly n: 1
}

export function generationOptions(
  body: GenerationBody,
  serving: Serving,
  ready: ReadyModel,
  tenant: Tenant | undefined,
): GenerationOptions {
  const options = body.options ?? readDeclared(new Fields({}, 'options'), optionFields)
  const { num_predict: most = -1, stop } = options
  return {
    limit: most > 0 ? { tokens: most, field: 'options.num_predict' } : undefined,
    constraint: checkEnd(options.ignore_eos, body.format),
    speculation: { wanted: serving.promptLookup, prediction: '' },
    logprobs: chatLogprobs(body),
    n: 1,
    ...sharingOf(body, serving, tenant),
    ...samplingOf(options, ready.info.sampling, ready.vocabulary.size, stop),
  }
}

/** Ollama: `think`, a switch or an effort. Where a model cannot think, a switch that is off has its effect. */
export function ollamaThinking(
  { think, [at]: fields }: GenerationBody,
  abilities: ChatAbilities,
): ThinkingRequest {
  const effort: Effort['effort'] | undefined =
    typeof think === 'boolean' ? (think ? 'medium' : 'none') : think
  const said = effort && {
    effort,
    path: 'think',
    drop: () => fields.drop('think'),
    ...(typeof think === 'boolean' && { isSwitch: true as const }),
  }
  const read = thinkingOf({ effort: said, effortField: 'think', budgets: [], kwargs: undefined }, abilities)
  if (think !== false || abilities.reasoning !== undefined) return read
  return { ...read, ignored: read.ignored.filter((name) => name !== 'think') }
}
