import type { SequenceSpec } from '../../protocol/sequence-spec.ts'
import { type Fields, missing, oneOf } from '../fields.ts'
import { readContent } from './content.ts'

/** Whether tokens are guessed ahead, and a text that the output is expected to be like. */
export interface SpeculationRequest {
  readonly wanted: boolean
  readonly prediction: string
}

/**
 * OpenAI: `prediction`; `prompt_lookup` is this server's own, and defaults to what its operator chose. Guesses that the
 * model does not confirm are dropped: the output is the same with and without.
 */
export function readSpeculation(fields: Fields, byDefault: boolean): SpeculationRequest {
  const wanted = fields.boolean('prompt_lookup')
  const predicted = fields.object('prediction')
  if (predicted === undefined) return { wanted: wanted ?? byDefault, prediction: '' }
  oneOf(predicted.pathOf('type'), predicted.required('type'), ['content'])
  const prediction = readContent(predicted)
  if (prediction === undefined) throw missing(predicted.pathOf('content'))
  if (wanted === false) fields.drop('prediction')
  return { wanted: wanted ?? true, prediction }
}

/** The text that has to be tokenized for it. */
export function predicted({ wanted, prediction }: SpeculationRequest): {
  readonly prediction: string | undefined
} {
  return { prediction: wanted && prediction !== '' ? prediction : undefined }
}

/** What the engine is to do about it; undefined: nothing. */
export function speculationOf(
  { wanted }: SpeculationRequest,
  prediction: Uint32Array = new Uint32Array(),
): SequenceSpec['speculation'] {
  return wanted ? { prediction: [...prediction] } : undefined
}
