import { randomInt } from 'node:crypto'
import type { SamplingParams } from '../../protocol/engine.ts'
import type { ModelInfo } from '../../protocol/text-messages.ts'
import { invalidValue, tooLong, wrongType } from '../contract/failures.ts'
import { at, eitherOf, type Field, optional, type Read } from '../contract/field.ts'
import { anything, flag, integer, mapped, number } from '../contract/kinds.ts'

const MAX_LOGIT_BIAS = 300
/** Most stop strings. OpenAI has 4; agents send more. */
export const MAX_STOPS = 64
const MAX_STOP_LENGTH = 1024
/** Temperature below which the distribution is its maximum alone, to the last bit of a float. */
const GREEDY_BELOW = 1e-4

export interface SamplingRequest {
  /** Sampling of the first choice; the others differ in their seeds. */
  readonly sampling: SamplingParams
  readonly ignoreEos: boolean
  readonly stops: readonly string[]
}

/** OpenAI: `logit_bias`, pairs of a token id and its bias. The ids that exist depend on the model. */
const logitBias: Field<readonly (readonly [number, number])[] | undefined> = optional(
  {
    type: 'object',
    maxProperties: MAX_LOGIT_BIAS,
    propertyNames: { pattern: '^\\d{1,10}$' },
    additionalProperties: { type: 'number', minimum: -100, maximum: 100 },
  },
  (owner, name) => {
    const entries = owner.object(name)?.entries()
    const path = owner.pathOf(name)
    if (entries !== undefined && entries.length > MAX_LOGIT_BIAS)
      throw tooLong(path, entries.length, MAX_LOGIT_BIAS)
    return entries?.map(([key, value]) => {
      if (!/^\d{1,10}$/.test(key)) throw wrongType(path, 'an object whose keys are token ids', key)
      if (typeof value !== 'number') throw wrongType(`${path}.${key}`, 'a number', value)
      if (value < -100 || value > 100)
        throw invalidValue(`${path}.${key}`, 'a bias lies between -100 and 100.')
      return [Number(key), value] as const
    })
  },
)

const penalty = number(-2, 2)
const repeat = number(0.01, 10)

/** Sampling fields that all protocols share. Stop strings have a name of their own in each. */
export const samplingFields = {
  temperature: number(0, 2),
  ignore_eos: flag,
  top_p: number(0, 1),
  top_k: integer({ min: -1, max: 2 ** 31 - 1 }),
  min_p: number(0, 1),
  seed: integer(),
  frequency_penalty: penalty,
  presence_penalty: penalty,
  repeat_penalty: repeat,
  repetition_penalty: repeat,
  repeat_last_n: integer({ min: 0, max: 4096 }),
  logit_bias: logitBias,
}

/** Reads the sampling of a request. Defaults are the model maker's, else OpenAI's. @throws ServingError for an unknown token id. */
export function samplingOf(
  body: Read<typeof samplingFields>,
  defaults: ModelInfo['sampling'],
  vocabularySize: number,
  stops: readonly string[] = [],
): SamplingRequest {
  const temperature = body.temperature ?? defaults.temperature ?? 1
  return {
    ignoreEos: body.ignore_eos ?? false,
    stops,
    sampling: {
      temperature: temperature < GREEDY_BELOW ? 0 : temperature,
      topP: body.top_p ?? defaults.topP ?? 1,
      topK: Math.max(0, body.top_k ?? defaults.topK ?? 0),
      minP: body.min_p ?? defaults.minP ?? 0,
      seed: body.seed === undefined ? randomInt(2 ** 32) : ((body.seed % 2 ** 32) + 2 ** 32) % 2 ** 32,
      frequencyPenalty: body.frequency_penalty ?? 0,
      presencePenalty: body.presence_penalty ?? 0,
      repeatPenalty: eitherOf(body, ['repeat_penalty', 'repetition_penalty']) ?? 1,
      penaltyWindow: body.repeat_last_n ?? 64,
      logitBias: biasOf(body, vocabularySize),
    },
  }
}

function biasOf(
  { logit_bias: bias = [], [at]: fields }: Read<typeof samplingFields>,
  vocabularySize: number,
): [number, number][] {
  return bias.map(([token, value]) => {
    if (token < vocabularySize) return [token, value]
    throw invalidValue(
      fields.pathOf('logit_bias'),
      `token id ${token} is not in this model's vocabulary of ${vocabularySize} tokens.`,
    )
  })
}

/** Seed of a choice: the first draws from the request's seed, and each other from its own. */
export function seedOfChoice(seed: number, choice: number): number {
  return (seed + Math.imul(choice, 0x9e3779b9)) >>> 0
}

/** Field of one stop string, or of several. */
export function stops(max: number): Field<readonly string[] | undefined> {
  const stop = { type: 'string', minLength: 1, maxLength: MAX_STOP_LENGTH }
  return mapped(anything({ anyOf: [stop, { type: 'array', maxItems: max, items: stop }] }), (value, path) => {
    const given: unknown[] = Array.isArray(value) ? value : [value]
    if (given.length > max) throw tooLong(path, given.length, max)
    return given.map((text, index) => checkedStop(text, Array.isArray(value) ? `${path}[${index}]` : path))
  })
}

function checkedStop(stop: unknown, path: string): string {
  if (typeof stop !== 'string') throw wrongType(path, 'a string', stop)
  if (stop === '') throw invalidValue(path, 'a stop string cannot be empty.')
  if (stop.length > MAX_STOP_LENGTH)
    throw invalidValue(path, `a stop string has at most ${MAX_STOP_LENGTH} characters.`)
  return stop
}
