import { fileURLToPath } from 'node:url'
import { readGgufHeader } from '../../src/models/gguf/gguf.ts'
import type { GgufSpec } from '../models/gguf-writer.ts'
import { f32, writeRandomModel } from './random-model.ts'

export const builtIn = fileURLToPath(new URL('../../models/altiplano-demo.gguf', import.meta.url))

/** See GAP: random numbers so large make rounding count for more: up to 0.16 was seen. */
export const ADAPTED_GAP = 0.25

const RANK = 4

/** A LoRA adapter for the built-in model, of random numbers so large that it says other things. */
export async function writeLoraAdapter(
  path: string,
  seed: number,
  scale = 0.4,
  change: (pairs: GgufSpec['pairs'], shapes: Record<string, readonly number[]>) => void = () => undefined,
): Promise<void> {
  const { metadata, shapes: model } = await readGgufHeader(builtIn)
  const shapes: Record<string, readonly number[]> = {}
  for (const [name, [inputs = 0, outputs = 0]] of model) {
    if (!/^blk\.\d+\.(attn_q|attn_output|ffn_down)\.weight$/.test(name)) continue
    shapes[`${name}.lora_a`] = [inputs, RANK]
    shapes[`${name}.lora_b`] = [RANK, outputs]
  }
  const pairs: GgufSpec['pairs'] = [
    ['general.architecture', { text: String(metadata.get('general.architecture')) }],
    ['general.type', { text: 'adapter' }],
    ['adapter.type', { text: 'lora' }],
    ['adapter.lora.alpha', f32(RANK)],
  ]
  change(pairs, shapes)
  await writeRandomModel(path, pairs, shapes, { seed, scale })
}
