import type { SequenceSpec } from '../../protocol/sequence-spec.ts'
import { required } from '../contract/fates.ts'
import { at, type Read } from '../contract/field.ts'
import { flag, oneOf } from '../contract/kinds.ts'
import { object } from '../contract/objects.ts'
import { content } from './content.ts'

/** Speculative decoding that a request asks for: whether, and a text that the output is expected to be like. */
export interface SpeculationRequest {
  readonly wanted: boolean
  readonly prediction: string
}

/**
 * OpenAI: `prediction`; `prompt_lookup` is this server's own, and defaults to what its operator chose. Guesses that the
 * model does not confirm are dropped: the output is the same with and without.
 */
export const speculationFields = {
  prompt_lookup: flag,
  prediction: object({ type: required(oneOf(['content'])), content: required(content) }),
}

export function speculationOf(body: Read<typeof speculationFields>, byDefault: boolean): SpeculationRequest {
  const { prompt_lookup: wanted, prediction } = body
  if (prediction === undefined) return { wanted: wanted ?? byDefault, prediction: '' }
  if (wanted === false) body[at].drop('prediction')
  return { wanted: wanted ?? true, prediction: prediction.content }
}

/** Text of the prediction that has to be tokenized; undefined where there is none. */
export function predicted({ wanted, prediction }: SpeculationRequest): string | undefined {
  return wanted && prediction !== '' ? prediction : undefined
}

/** Speculative decoding as the engine receives it; undefined: none. */
export function engineSpeculation(
  { wanted }: SpeculationRequest,
  prediction: Uint32Array = new Uint32Array(),
): SequenceSpec['speculation'] {
  return wanted ? { prediction: [...prediction] } : undefined
}
