import { writeFile } from 'node:fs/promises'
import { type GgufSpec, ggufBytes, ggufSpec, u32 } from '../models/gguf-writer.ts'

/** How a tensor's numbers are stored. */
export type TensorType = 'F32' | 'Q5_0' | 'Q8_0' | 'Q4_K' | 'Q6_K'

interface StoredType {
  /** Its number in a file. */
  readonly id: number
  readonly numbersOfBlock: number
  readonly bytesOfBlock: number
  /** Writes a block of random numbers around `center`. */
  write(data: Buffer, at: number, random: () => number, scale: number, center: number): void
}

const TYPES: Readonly<Record<TensorType, StoredType>> = {
  F32: {
    id: 0,
    numbersOfBlock: 1,
    bytesOfBlock: 4,
    write: (data, at, random, scale, center) => data.writeFloatLE(center + scale * (random() - 0.5), at),
  },
  Q5_0: { id: 6, numbersOfBlock: 32, bytesOfBlock: 22, write: writeQ50 },
  Q8_0: { id: 8, numbersOfBlock: 32, bytesOfBlock: 34, write: writeQ80 },
  Q4_K: { id: 12, numbersOfBlock: 256, bytesOfBlock: 144, write: writeQ4K },
  Q6_K: { id: 14, numbersOfBlock: 256, bytesOfBlock: 210, write: writeQ6K },
}

interface RandomWeights {
  readonly seed?: number
  readonly scale?: number
  readonly type?: TensorType
  readonly center?: number
}

/**
 * Writes a GGUF whose tensors, by name and shape, hold random numbers, the same ones for the same seed.
 * @param type of the tensors that are matrices.
 * @param center of what stands in vectors: norms are about 1 in real models.
 */
export async function writeRandomModel(
  path: string,
  pairs: GgufSpec['pairs'],
  shapes: Readonly<Record<string, readonly number[]>>,
  { seed = 7, scale = 1, type = 'F32', center = 0 }: RandomWeights = {},
): Promise<void> {
  let dataBytes = 0
  const tensors = Object.entries(shapes).map(([name, shape]) => {
    const isVector = shape.length === 1
    const stored = TYPES[isVector ? 'F32' : type]
    const bytes =
      (shape.reduce((product, size) => product * size, 1) / stored.numbersOfBlock) * stored.bytesOfBlock
    const tensor = { stored, isVector, offset: dataBytes, end: dataBytes + bytes, name, shape }
    // Each tensor begins at a multiple of 32 bytes.
    dataBytes += Math.ceil(bytes / 32) * 32
    return tensor
  })
  const spec = ggufSpec((made) => {
    made.pairs = pairs
    made.tensors = tensors.map(({ name, shape, stored, offset }) => ({
      name,
      shape: shape.map(BigInt),
      type: stored.id,
      offset: BigInt(offset),
    }))
    made.dataBytes = dataBytes
  })
  const bytes = ggufBytes(spec)
  const data = bytes.subarray(bytes.length - dataBytes)
  const random = randomNumbers(seed)
  for (const { stored, isVector, offset, end } of tensors)
    for (let at = offset; at < end; at += stored.bytesOfBlock)
      stored.write(data, at, random, scale, isVector ? center : 0)
  await writeFile(path, bytes)
}

/** ggml: each number is d * (q - 16), with five bits of q. */
function writeQ50(data: Buffer, at: number, random: () => number, scale: number): void {
  data.writeUInt16LE(halfFloat(scale / 32), at)
  for (let q = at + 2; q < at + 22; q++) data[q] = Math.floor(256 * random())
}

/** ggml: each number is d * q, with eight bits of q. */
function writeQ80(data: Buffer, at: number, random: () => number, scale: number): void {
  data.writeUInt16LE(halfFloat(scale / 256), at)
  for (let q = at + 2; q < at + 34; q++) data[q] = Math.floor(256 * random())
}

/** ggml: each number is d * scale * q - dmin * min, with a scale and a min for 32 numbers, and four bits of q. */
function writeQ4K(data: Buffer, at: number, random: () => number, scale: number): void {
  const d = scale / 15 / 32
  data.writeUInt16LE(halfFloat(d), at)
  data.writeUInt16LE(halfFloat(7.5 * d), at + 2)
  // Every scale and min is 32: its upper bits lie in the first eight bytes, and are the same in each.
  data.fill(32 | (2 << 6), at + 4, at + 12)
  for (let q = at + 16; q < at + 144; q++) data[q] = Math.floor(256 * random())
}

/** ggml: each number is d * scale * (q - 32), with a scale for 16 numbers, and six bits of q. */
function writeQ6K(data: Buffer, at: number, random: () => number, scale: number): void {
  for (let q = at; q < at + 192; q++) data[q] = Math.floor(256 * random())
  data.fill(32, at + 192, at + 208)
  data.writeUInt16LE(halfFloat(scale / 64 / 32), at + 208)
}

/** A number from 2^-14 to 1 as 16 bits: five of the exponent, ten of the rest. */
function halfFloat(value: number): number {
  const exponent = Math.floor(Math.log2(value))
  return ((exponent + 15) << 10) | Math.min(1023, Math.round((value / 2 ** exponent - 1) * 1024))
}

/** A value of 32 bits with a point. */
export function f32(value: number): { raw: Buffer } {
  const buffer = Buffer.alloc(4)
  buffer.writeFloatLE(value)
  return { raw: Buffer.concat([u32(6), buffer]) }
}

/** Park and Miller: numbers from 0 to 1. */
function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}
