import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type GgufSpec, text, u32, u64 } from '../models/gguf-writer.ts'
import { f32, writeRandomModel } from './random-model.ts'

const GGUF_HEAD = 24
const builtIn = join(import.meta.dirname, '../../models/altiplano-demo.gguf')

/** The built-in model as an embedding model: its file, with qwen3.pooling_type 3 (the last token's vector). */
export async function writeEmbeddingModel(path: string): Promise<void> {
  const bytes = await readFile(builtIn)
  const pooling = Buffer.concat([text('qwen3.pooling_type'), u32(4), u32(3)])
  // The tensors are aligned to 32 bytes from the start of the file: what is put before them has to be, too.
  const name = Buffer.concat([text('x.fill'), u32(8)])
  const room = 8 + 32 - ((pooling.length + name.length + 8 + 8) % 32)
  const added = Buffer.concat([pooling, name, text(' '.repeat(room))])
  const head = Buffer.from(bytes.subarray(0, GGUF_HEAD))
  head.writeBigUInt64LE(head.readBigUInt64LE(16) + 2n, 16)
  await writeFile(path, Buffer.concat([head, added, bytes.subarray(GGUF_HEAD)]))
}

const WIDTH = 32
const CONTEXT = 64
const WORDS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '▁hello', '▁world', '▁cat', '▁dog', '▁the', 's']

/** A BERT of one layer with random weights: an encoder, which sees its input both ways and is pooled by the mean. */
export async function writeBertModel(path: string, { ranks = false } = {}): Promise<void> {
  const shapes: Record<string, readonly number[]> = {
    'token_embd.weight': [WIDTH, WORDS.length],
    'token_types.weight': [WIDTH, 2],
    'position_embd.weight': [WIDTH, CONTEXT],
    'blk.0.ffn_up.weight': [WIDTH, 2 * WIDTH],
    'blk.0.ffn_up.bias': [2 * WIDTH],
    'blk.0.ffn_down.weight': [2 * WIDTH, WIDTH],
    'blk.0.ffn_down.bias': [WIDTH],
  }
  for (const name of ['q', 'k', 'v', 'output']) {
    shapes[`blk.0.attn_${name}.weight`] = [WIDTH, WIDTH]
    shapes[`blk.0.attn_${name}.bias`] = [WIDTH]
  }
  for (const name of ['token_embd_norm', 'blk.0.attn_output_norm', 'blk.0.layer_output_norm']) {
    shapes[`${name}.weight`] = [WIDTH]
    shapes[`${name}.bias`] = [WIDTH]
  }
  if (ranks) {
    shapes['cls.weight'] = [WIDTH, WIDTH]
    shapes['cls.bias'] = [WIDTH]
    shapes['cls.output.weight'] = [WIDTH, 1]
    shapes['cls.output.bias'] = [1]
  }
  await writeRandomModel(path, bertPairs(ranks ? 4 : 1), shapes)
}

/** @param pooling llama.cpp: 1 is the mean, 4 a judgement. */
function bertPairs(pooling: number): GgufSpec['pairs'] {
  // llama.cpp: 1 is normal, 2 unknown, 3 control.
  const types = WORDS.map((word) => u32(word === '[UNK]' ? 2 : word.startsWith('[') ? 3 : 1))
  return [
    ['general.architecture', { text: 'bert' }],
    ['bert.context_length', { u32: CONTEXT }],
    ['bert.block_count', { u32: 1 }],
    ['bert.embedding_length', { u32: WIDTH }],
    ['bert.feed_forward_length', { u32: 2 * WIDTH }],
    ['bert.attention.head_count', { u32: 2 }],
    ['bert.attention.layer_norm_epsilon', f32(1e-12)],
    ['bert.attention.causal', { raw: Buffer.concat([u32(7), Buffer.from([0])]) }],
    ['bert.pooling_type', { u32: pooling }],
    ['tokenizer.ggml.model', { text: 'bert' }],
    ['tokenizer.ggml.token_type_count', { u32: 2 }],
    ['tokenizer.ggml.tokens', { texts: WORDS }],
    [
      'tokenizer.ggml.token_type',
      { raw: Buffer.concat([u32(9), u32(5), u64(BigInt(WORDS.length)), ...types]) },
    ],
    ['tokenizer.ggml.bos_token_id', { u32: 2 }],
    ['tokenizer.ggml.eos_token_id', { u32: 3 }],
    ['tokenizer.ggml.cls_token_id', { u32: 2 }],
    ['tokenizer.ggml.seperator_token_id', { u32: 3 }],
    ['tokenizer.ggml.padding_token_id', { u32: 0 }],
    ['tokenizer.ggml.unknown_token_id', { u32: 1 }],
  ]
}
