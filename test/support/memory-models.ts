import { type GgufSpec, u32, u64 } from '../models/gguf-writer.ts'
import { f32, writeRandomModel } from './random-model.ts'

const WIDTH = 32
const TOKENS = 64
const LAYERS = 2
/** Tokens that a layer with a sliding window looks back. */
export const WINDOW = 16

/** Models whose memory is not one list of keys and values a token: each of random weights. */
export const memoryModels = {
  /** A state that is rewritten with each token. */
  recurrent: async (path: string): Promise<void> => {
    const inner = 2 * WIDTH
    const layers = everyLayer((layer) => ({
      [`${layer}.attn_norm.weight`]: [WIDTH],
      [`${layer}.ssm_in.weight`]: [WIDTH, 2 * inner],
      [`${layer}.ssm_conv1d.weight`]: [4, inner],
      [`${layer}.ssm_conv1d.bias`]: [inner],
      [`${layer}.ssm_x.weight`]: [inner, 2 + 2 * 4],
      [`${layer}.ssm_dt.weight`]: [2, inner],
      [`${layer}.ssm_dt.bias`]: [inner],
      [`${layer}.ssm_a`]: [4, inner],
      [`${layer}.ssm_d`]: [inner],
      [`${layer}.ssm_out.weight`]: [inner, WIDTH],
    }))
    const pairs = modelPairs('mamba', {
      'ssm.conv_kernel': 4,
      'ssm.inner_size': inner,
      'ssm.state_size': 4,
      'ssm.time_step_rank': 2,
      'attention.head_count': 0,
      feed_forward_length: 0,
    })
    await writeRandomModel(path, pairs, { ...outerTensors('output_norm'), ...layers })
  },
  /** A layer that remembers a few tokens, and a layer with attention. */
  hybrid: async (path: string): Promise<void> => {
    const shapes = {
      ...outerTensors('token_embd_norm'),
      ...everyLayer(feedForward),
      'blk.0.attn_norm.weight': [WIDTH],
      'blk.0.shortconv.conv.weight': [3, WIDTH],
      'blk.0.shortconv.in_proj.weight': [WIDTH, 3 * WIDTH],
      'blk.0.shortconv.out_proj.weight': [WIDTH, WIDTH],
      ...attention('blk.1'),
      'blk.1.attn_q_norm.weight': [WIDTH / 4],
      'blk.1.attn_k_norm.weight': [WIDTH / 4],
    }
    const heads = Buffer.concat([u32(9), u32(5), u64(BigInt(LAYERS)), u32(0), u32(2)])
    const pairs: GgufSpec['pairs'] = [
      ...modelPairs('lfm2', {
        'attention.head_count': 4,
        'shortconv.l_cache': 3,
        feed_forward_length: 2 * WIDTH,
      }),
      ['lfm2.attention.head_count_kv', { raw: heads }],
    ]
    await writeRandomModel(path, pairs, shapes)
  },
  /** A layer that looks back 16 tokens, and one that looks back at all. */
  'sliding window': async (path: string): Promise<void> => {
    const layers = everyLayer((layer) => ({
      ...attention(layer),
      ...feedForward(layer),
      [`${layer}.post_attention_norm.weight`]: [WIDTH],
      [`${layer}.post_ffw_norm.weight`]: [WIDTH],
    }))
    const pairs = modelPairs('gemma2', {
      'attention.head_count': 4,
      'attention.head_count_kv': 2,
      'attention.sliding_window': WINDOW,
      feed_forward_length: 2 * WIDTH,
    })
    await writeRandomModel(path, pairs, { ...outerTensors('output_norm'), ...layers })
  },
} as const

type Shapes = Record<string, readonly number[]>

const everyLayer = (of: (layer: string) => Shapes): Shapes =>
  Object.assign({}, ...Array.from({ length: LAYERS }, (_, index) => of(`blk.${index}`))) as Shapes

const outerTensors = (norm: string): Shapes => ({
  'token_embd.weight': [WIDTH, TOKENS],
  [`${norm}.weight`]: [WIDTH],
})

const attention = (layer: string): Shapes => ({
  [`${layer}.attn_norm.weight`]: [WIDTH],
  [`${layer}.attn_q.weight`]: [WIDTH, WIDTH],
  [`${layer}.attn_k.weight`]: [WIDTH, WIDTH / 2],
  [`${layer}.attn_v.weight`]: [WIDTH, WIDTH / 2],
  [`${layer}.attn_output.weight`]: [WIDTH, WIDTH],
})

const feedForward = (layer: string): Shapes => ({
  [`${layer}.ffn_norm.weight`]: [WIDTH],
  [`${layer}.ffn_gate.weight`]: [WIDTH, 2 * WIDTH],
  [`${layer}.ffn_up.weight`]: [WIDTH, 2 * WIDTH],
  [`${layer}.ffn_down.weight`]: [2 * WIDTH, WIDTH],
})

function modelPairs(architecture: string, numbers: Readonly<Record<string, number>>): GgufSpec['pairs'] {
  const words = Array.from({ length: TOKENS }, (_, index) => (index === 0 ? '<end>' : `w${index}`))
  // llama.cpp: 1 is normal, 3 control.
  const types = words.map((_, index) => u32(index === 0 ? 3 : 1))
  return [
    ['general.architecture', { text: architecture }],
    [`${architecture}.context_length`, { u32: 512 }],
    [`${architecture}.block_count`, { u32: LAYERS }],
    [`${architecture}.embedding_length`, { u32: WIDTH }],
    [`${architecture}.attention.layer_norm_rms_epsilon`, f32(1e-5)],
    ...Object.entries(numbers).map(([name, value]): GgufSpec['pairs'][number] => [
      `${architecture}.${name}`,
      { u32: value },
    ]),
    ['tokenizer.ggml.model', { text: 'gpt2' }],
    ['tokenizer.ggml.pre', { text: 'qwen2' }],
    ['tokenizer.ggml.tokens', { texts: words }],
    ['tokenizer.ggml.token_type', { raw: Buffer.concat([u32(9), u32(5), u64(BigInt(TOKENS)), ...types]) }],
    ['tokenizer.ggml.merges', { texts: ['w 1'] }],
    ['tokenizer.ggml.eos_token_id', { u32: 0 }],
    ['tokenizer.ggml.bos_token_id', { u32: 0 }],
  ]
}
