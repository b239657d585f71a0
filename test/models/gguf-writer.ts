/** A metadata value by its GGUF type, a text, or raw bytes (type and value) for what no writer would make. */
type Value =
  | { readonly u32: number }
  | { readonly text: string }
  | { readonly texts: readonly string[] }
  | { readonly raw: Buffer }

export interface TensorSpec {
  readonly name: string
  readonly shape: readonly bigint[]
  readonly type: number
  readonly offset: bigint
}

export interface GgufSpec {
  magic: string
  version: number
  tensorCount: bigint
  pairCount: bigint
  pairs: [string, Value][]
  tensors: TensorSpec[]
  dataBytes: number
}

export const u32 = (value: number): Buffer => {
  const buffer = Buffer.alloc(4)
  buffer.writeUInt32LE(value)
  return buffer
}

export const u64 = (value: bigint): Buffer => {
  const buffer = Buffer.alloc(8)
  buffer.writeBigUInt64LE(value)
  return buffer
}

export const text = (value: string): Buffer =>
  Buffer.concat([u64(BigInt(Buffer.byteLength(value))), Buffer.from(value)])

/** An array of signed numbers of 32 bits. */
export const i32s = (values: readonly number[]): { readonly raw: Buffer } => ({
  raw: Buffer.concat([u32(9), u32(5), u64(BigInt(values.length)), ...values.map(u32)]),
})

/** An array of numbers of 32 bits with a point. */
export const f32s = (values: readonly number[]): { readonly raw: Buffer } => ({
  raw: Buffer.concat([
    u32(9),
    u32(6),
    u64(BigInt(values.length)),
    Buffer.from(Float32Array.from(values).buffer),
  ]),
})

function valueBytes(value: Value): Buffer {
  if ('raw' in value) return value.raw
  if ('u32' in value) return Buffer.concat([u32(4), u32(value.u32)])
  if ('text' in value) return Buffer.concat([u32(8), text(value.text)])
  return Buffer.concat([u32(9), u32(8), u64(BigInt(value.texts.length)), ...value.texts.map(text)])
}

/** A valid tiny model, changed by `change`. */
export function ggufSpec(change: (spec: GgufSpec) => void = () => undefined): GgufSpec {
  const spec: GgufSpec = {
    magic: 'GGUF',
    version: 3,
    tensorCount: -1n,
    pairCount: -1n,
    pairs: [
      ['general.architecture', { text: 'llama' }],
      ['general.name', { text: 'Tiny' }],
      ['general.file_type', { u32: 7 }],
      ['llama.context_length', { u32: 128 }],
      ['llama.block_count', { u32: 2 }],
      ['llama.embedding_length', { u32: 64 }],
      ['llama.attention.head_count', { u32: 4 }],
      ['llama.attention.head_count_kv', { u32: 2 }],
      ['tokenizer.ggml.model', { text: 'gpt2' }],
      ['tokenizer.ggml.tokens', { texts: ['a', 'b', 'c'] }],
      ['tokenizer.chat_template', { text: '{{ messages }}' }],
    ],
    tensors: [
      { name: 'token_embd.weight', shape: [64n, 3n], type: 8, offset: 0n },
      { name: 'output_norm.weight', shape: [64n], type: 0, offset: 224n },
    ],
    dataBytes: 224 + 256,
  }
  change(spec)
  return spec
}

export function ggufBytes(spec: GgufSpec): Buffer {
  const count = (given: bigint, length: number): Buffer => u64(given < 0n ? BigInt(length) : given)
  const header = Buffer.concat([
    Buffer.from(spec.magic),
    u32(spec.version),
    count(spec.tensorCount, spec.tensors.length),
    count(spec.pairCount, spec.pairs.length),
    ...spec.pairs.flatMap(([key, value]) => [text(key), valueBytes(value)]),
    ...spec.tensors.flatMap(({ name, shape, type, offset }) => [
      text(name),
      u32(shape.length),
      ...shape.map(u64),
      u32(type),
      u64(offset),
    ]),
  ])
  const padding = (32 - (header.length % 32)) % 32
  return Buffer.concat([header, Buffer.alloc(padding + spec.dataBytes)])
}
