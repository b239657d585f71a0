import { randomInt } from 'node:crypto'
import type { SamplingParams } from '../../protocol/engine.ts'
import type { ModelInfo } from '../../protocol/text-messages.ts'
import { emptyArray, type Fields, invalidValue, tooLong, wrongType } from '../fields.ts'

const MAX_LOGIT_BIAS = 300
const MAX_STOPS = 4
const MAX_STOP_LENGTH = 1024
/** Below this the distribution is its maximum, to the last bit of a float. */
const GREEDY_BELOW = 1e-4

export interface SamplingRequest {
  /** With the seed of the first choice. */
  readonly sampling: SamplingParams
  readonly ignoreEos: boolean
  readonly stops: readonly string[]
}

/** The sampling fields that chat and completions share; what is absent comes from the model's maker, else from OpenAI's defaults. */
export function readSampling(
  fields: Fields,
  defaults: ModelInfo['sampling'],
  vocabularySize: number,
  stops = readStops(fields, 'stop', MAX_STOPS),
): SamplingRequest {
  const temperature = fields.number('temperature', { min: 0, max: 2 }) ?? defaults.temperature ?? 1
  const penalty = { min: -2, max: 2 }
  const repeat = { min: 0.01, max: 10 }
  return {
    ignoreEos: fields.boolean('ignore_eos') ?? false,
    stops,
    sampling: {
      temperature: temperature < GREEDY_BELOW ? 0 : temperature,
      topP: fields.number('top_p', { min: 0, max: 1 }) ?? defaults.topP ?? 1,
      topK: Math.max(0, fields.integer('top_k', { min: -1, max: 2 ** 31 - 1 }) ?? defaults.topK ?? 0),
      minP: fields.number('min_p', { min: 0, max: 1 }) ?? defaults.minP ?? 0,
      seed: readSeed(fields),
      frequencyPenalty: fields.number('frequency_penalty', penalty) ?? 0,
      presencePenalty: fields.number('presence_penalty', penalty) ?? 0,
      repeatPenalty:
        fields.eitherOf(['repeat_penalty', 'repetition_penalty'], (name) => fields.number(name, repeat)) ?? 1,
      penaltyWindow: fields.integer('repeat_last_n', { min: 0, max: 4096 }) ?? 64,
      logitBias: readLogitBias(fields, vocabularySize),
    },
  }
}

/** Each choice of a request draws from a seed of its own; the first from the seed that was asked for. */
export function seedOfChoice(seed: number, choice: number): number {
  return (seed + Math.imul(choice, 0x9e3779b9)) >>> 0
}

function readSeed(fields: Fields): number {
  const { MIN_SAFE_INTEGER: min, MAX_SAFE_INTEGER: max } = Number
  const seed = fields.integer('seed', { min, max })
  return seed === undefined ? randomInt(2 ** 32) : ((seed % 2 ** 32) + 2 ** 32) % 2 ** 32
}

/** One stop string, or several. */
export function readStops(fields: Fields, name: string, max: number): readonly string[] {
  const value = fields.value(name)
  if (value === undefined) return []
  const path = fields.pathOf(name)
  const stops: unknown[] = Array.isArray(value) ? value : [value]
  if (stops.length > max) throw tooLong(path, stops.length, max)
  return stops.map((stop, index) => {
    const at = Array.isArray(value) ? `${path}[${index}]` : path
    if (typeof stop !== 'string') throw wrongType(at, 'a string', stop)
    if (stop === '') throw invalidValue(at, 'a stop string cannot be empty.')
    if (stop.length > MAX_STOP_LENGTH)
      throw invalidValue(at, `a stop string has at most ${MAX_STOP_LENGTH} characters.`)
    return stop
  })
}

function readLogitBias(fields: Fields, vocabularySize: number): [number, number][] {
  const bias = fields.object('logit_bias')
  if (bias === undefined) return []
  const entries = bias.entries()
  const path = fields.pathOf('logit_bias')
  if (entries.length > MAX_LOGIT_BIAS) throw tooLong(path, entries.length, MAX_LOGIT_BIAS)
  return entries.map(([key, value]) => {
    if (!/^\d{1,10}$/.test(key)) throw wrongType(path, 'an object whose keys are token ids', key)
    const token = Number(key)
    if (token >= vocabularySize) {
      throw invalidValue(
        path,
        `token id ${token} is not in this model's vocabulary of ${vocabularySize} tokens.`,
      )
    }
    if (typeof value !== 'number') throw wrongType(`${path}.${key}`, 'a number', value)
    if (value < -100 || value > 100) throw invalidValue(`${path}.${key}`, 'a bias lies between -100 and 100.')
    return [token, value]
  })
}

/** For reading a list that must not be empty. */
export function nonEmpty<T>(items: readonly T[], path: string): readonly T[] {
  if (items.length === 0) throw emptyArray(path)
  return items
}
