import { type GgufSpec, u32, u64 } from '../models/gguf-writer.ts'
import { f32, writeRandomModel } from './random-model.ts'

const WIDTH = 32
const FEED_FORWARD = 64
/** What JSON is full of; every other text is written in bytes. */
const MERGED = ['"', ':', '{', '}', '[', ']', ','].flatMap((one) => ['"', ',', ' '].map((next) => one + next))

/** A Llama of one layer with random weights that can write any text: its tokens are bytes, and pairs of JSON's. */
export async function writeRandomTextModel(path: string): Promise<void> {
  const layer = 'blk.0'
  await writeRandomModel(
    path,
    pairs(),
    {
      'token_embd.weight': [WIDTH, vocabulary().length],
      'output.weight': [WIDTH, vocabulary().length],
      'output_norm.weight': [WIDTH],
      [`${layer}.attn_norm.weight`]: [WIDTH],
      [`${layer}.attn_q.weight`]: [WIDTH, WIDTH],
      [`${layer}.attn_k.weight`]: [WIDTH, WIDTH],
      [`${layer}.attn_v.weight`]: [WIDTH, WIDTH],
      [`${layer}.attn_output.weight`]: [WIDTH, WIDTH],
      [`${layer}.ffn_norm.weight`]: [WIDTH],
      [`${layer}.ffn_gate.weight`]: [WIDTH, FEED_FORWARD],
      [`${layer}.ffn_up.weight`]: [WIDTH, FEED_FORWARD],
      [`${layer}.ffn_down.weight`]: [FEED_FORWARD, WIDTH],
    },
    { scale: 4 },
  )
}

/** GPT-2 writes each byte as a letter: the printable ones as they are, the others from U+0100 on. */
function letters(): string[] {
  const printable = (byte: number): boolean => (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad)
  let others = 0
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCodePoint(printable(byte) ? byte : 0x100 + others++),
  )
}

const spelled = (text: string): string => {
  const all = letters()
  return [...Buffer.from(text)].map((byte) => all[byte]).join('')
}

const vocabulary = (): string[] => ['<end>', ...letters(), ...MERGED.map(spelled)]

function pairs(): GgufSpec['pairs'] {
  const texts = vocabulary()
  // llama.cpp: 1 is normal, 3 control.
  const types = texts.map((_, index) => u32(index === 0 ? 3 : 1))
  return [
    ['general.architecture', { text: 'llama' }],
    ['llama.context_length', { u32: 1024 }],
    ['llama.block_count', { u32: 1 }],
    ['llama.embedding_length', { u32: WIDTH }],
    ['llama.feed_forward_length', { u32: FEED_FORWARD }],
    ['llama.attention.head_count', { u32: 2 }],
    ['llama.attention.layer_norm_rms_epsilon', f32(1e-5)],
    ['tokenizer.ggml.model', { text: 'gpt2' }],
    ['tokenizer.ggml.pre', { text: 'qwen2' }],
    ['tokenizer.ggml.tokens', { texts }],
    [
      'tokenizer.ggml.token_type',
      { raw: Buffer.concat([u32(9), u32(5), u64(BigInt(types.length)), ...types]) },
    ],
    ['tokenizer.ggml.merges', { texts: MERGED.map((text) => [...spelled(text)].join(' ')) }],
    ['tokenizer.ggml.eos_token_id', { u32: 0 }],
    ['tokenizer.ggml.bos_token_id', { u32: 0 }],
  ]
}
