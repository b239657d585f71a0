import type { GenerationRequest } from '../../generation/generation.ts'
import type { SequenceSpec } from '../../protocol/sequence-spec.ts'
import type { ReadyModel } from '../serving.ts'
import type { Sharing } from '../sharing.ts'
import { type SamplingRequest, seedOfChoice } from './sampling.ts'

/** Parts of a generation that are known when its prompt is tokenized and its constraint is compiled. */
interface Prepared
  extends Pick<SequenceSpec, 'prompt' | 'maxTokens' | 'sampling' | 'speculation' | 'logprobs'>,
    Pick<GenerationRequest, 'output' | 'thoughtLimit' | 'turnEnds'> {}

/** Makes one generation for each choice of a prompt; they differ in their seeds. */
export function generationRequests(
  { stops, ignoreEos, share, cacheScope, adapter, deadlineAt }: SamplingRequest & Sharing,
  { output, thoughtLimit, turnEnds = [], sampling, ...prepared }: Prepared,
  { vocabulary }: ReadyModel,
  choices: number,
): GenerationRequest[] {
  const stopTokens = ignoreEos ? [] : vocabulary.endOfGeneration
  return Array.from({ length: choices }, (_, choice) => {
    const seed = seedOfChoice(sampling.seed, choice)
    return {
      spec: { ...prepared, stopTokens, sampling: { ...sampling, seed }, share, cacheScope, adapter },
      stops,
      turnEnds: ignoreEos ? [] : turnEnds,
      deadlineAt,
      output,
      thoughtLimit,
    }
  })
}
