import { DEFAULT_TENANT } from '../../src/base/share.ts'
import type { SequenceSpec } from '../../src/protocol/sequence-spec.ts'
import { Sequence } from '../../src/scheduler/sequence.ts'

/** A sequence as tests write it down: what they leave out is not wanted. */
export interface SequenceParams extends Partial<Omit<SequenceSpec, 'prompt'>> {
  readonly id: string
  readonly prompt: readonly number[]
  readonly generated?: Iterable<number>
  readonly maxTokens: number
  readonly sampling: SequenceSpec['sampling']
}

export function specOf({ prompt, ...wanted }: Omit<SequenceParams, 'id' | 'generated'>): SequenceSpec {
  return {
    stopTokens: [],
    speculation: undefined,
    logprobs: undefined,
    cacheScope: '',
    adapter: undefined,
    share: DEFAULT_TENANT,
    ...wanted,
    prompt: Uint32Array.from(prompt),
  }
}

export function sequenceOf({ id, generated, ...wanted }: SequenceParams): Sequence {
  return new Sequence(id, specOf(wanted), generated)
}
