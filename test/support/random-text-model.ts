import { type GgufSpec, i32s } from '../models/gguf-writer.ts'
import { f32, type TensorType, writeRandomModel } from './random-model.ts'

/** llama.cpp: types of tokens. */
export const TOKEN = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const

/** What JSON is full of; every other text is written in bytes. */
const MERGED = ['"', ':', '{', '}', '[', ']', ','].flatMap((one) => ['"', ',', ' '].map((next) => one + next))

interface Weights {
  /** K-quants are in blocks of 256 numbers, and ggml multiplies rows of a multiple of eight of them in its own way. */
  readonly type?: TensorType
  /** Numbers of an embedding, and half of those within a layer. */
  readonly width?: number
  readonly layers?: number
  readonly scale?: number
  readonly center?: number
  /** Whether the embeddings are the output's weights, too: half the file of a large vocabulary. */
  readonly tied?: boolean
}

/** A Llama of one layer with random weights that can write any text: its tokens are bytes, and pairs of JSON's. */
export async function writeRandomTextModel(path: string, weights?: Weights): Promise<void> {
  await writeRandomLlama(path, tokenizer(), vocabulary().length, weights)
}

/**
 * Writes a Llama of one layer with random weights.
 * @param tokenizer all of the file that begins with `tokenizer.`.
 * @param size of the vocabulary.
 */
export async function writeRandomLlama(
  path: string,
  tokenizer: GgufSpec['pairs'],
  size: number,
  { type = 'F32', layers = 1, width = 32, scale = 4, center = 0, tied = false }: Weights = {},
): Promise<void> {
  await writeRandomModel(
    path,
    [
      ['general.architecture', { text: 'llama' }],
      ['llama.context_length', { u32: 1024 }],
      ['llama.block_count', { u32: layers }],
      ['llama.embedding_length', { u32: width }],
      ['llama.feed_forward_length', { u32: 2 * width }],
      ['llama.attention.head_count', { u32: 2 }],
      ['llama.attention.layer_norm_rms_epsilon', f32(1e-5)],
      ...tokenizer,
    ],
    {
      'token_embd.weight': [width, size],
      ...(tied ? {} : { 'output.weight': [width, size] }),
      'output_norm.weight': [width],
      ...Object.assign(
        {},
        ...Array.from({ length: layers }, (_, layer) => layerShapes(`blk.${layer}`, width)),
      ),
    },
    { type, scale, center },
  )
}

function layerShapes(layer: string, width: number): Record<string, readonly number[]> {
  return {
    [`${layer}.attn_norm.weight`]: [width],
    [`${layer}.attn_q.weight`]: [width, width],
    [`${layer}.attn_k.weight`]: [width, width],
    [`${layer}.attn_v.weight`]: [width, width],
    [`${layer}.attn_output.weight`]: [width, width],
    [`${layer}.ffn_norm.weight`]: [width],
    [`${layer}.ffn_gate.weight`]: [width, 2 * width],
    [`${layer}.ffn_up.weight`]: [width, 2 * width],
    [`${layer}.ffn_down.weight`]: [2 * width, width],
  }
}

/** GPT-2 writes each byte as a letter: the printable ones as they are, the others from U+0100 on. */
export const BYTE_LETTERS = letters()
function letters(): string[] {
  const printable = (byte: number): boolean => (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad)
  let others = 0
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCodePoint(printable(byte) ? byte : 0x100 + others++),
  )
}

const spelled = (text: string): string => {
  return [...Buffer.from(text)].map((byte) => BYTE_LETTERS[byte]).join('')
}

const vocabulary = (): string[] => ['<end>', ...BYTE_LETTERS, ...MERGED.map(spelled)]

function tokenizer(): GgufSpec['pairs'] {
  const texts = vocabulary()
  return [
    ['tokenizer.ggml.model', { text: 'gpt2' }],
    ['tokenizer.ggml.pre', { text: 'qwen2' }],
    ['tokenizer.ggml.tokens', { texts }],
    [
      'tokenizer.ggml.token_type',
      i32s(texts.map((_, index) => (index === 0 ? TOKEN.control : TOKEN.normal))),
    ],
    ['tokenizer.ggml.merges', { texts: MERGED.map((text) => [...spelled(text)].join(' ')) }],
    ['tokenizer.ggml.eos_token_id', { u32: 0 }],
    ['tokenizer.ggml.bos_token_id', { u32: 0 }],
  ]
}
