import { Encoder } from '@msgpack/msgpack'
import type { Block } from './block-index.ts'

/** An event in vLLM's format: a tagged struct as an array, its tag first. For fields missing at its end readers take defaults. */
export type KvEvent = readonly [tag: string, ...fields: unknown[]]

/** vLLM's name for the memory of blocks that a pass can use at once. Routers weigh it; ours may be the memory of a CPU. */
const MEDIUM = 'GPU'

const encoder = new Encoder({ useBigInt64: true })

export const allBlocksCleared: KvEvent = ['AllBlocksCleared']

/** @param adapter name of the LoRA adapter they were computed with. */
export function blockStored(
  chain: readonly Block[],
  blockSize: number,
  adapter: string | undefined,
): KvEvent {
  const hashes = chain.map(({ hash }) => hash)
  const tokens = chain.flatMap((block) => [...block.tokens])
  // The fifth is lora_id, which vLLM has given up.
  return [
    'BlockStored',
    hashes,
    chain[0]?.parent?.hash ?? null,
    tokens,
    blockSize,
    null,
    MEDIUM,
    adapter ?? null,
  ]
}

export function blockRemoved(blocks: readonly Block[]): KvEvent {
  return ['BlockRemoved', blocks.map(({ hash }) => hash), MEDIUM]
}

/** vLLM: KVEventBatch, its time in seconds, of the first and only rank. */
export function encodeBatch(events: readonly KvEvent[]): Uint8Array {
  return encoder.encode([(performance.timeOrigin + performance.now()) / 1000, events, 0])
}
