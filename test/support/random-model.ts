import { writeFile } from 'node:fs/promises'
import { type GgufSpec, ggufBytes, ggufSpec, u32 } from '../models/gguf-writer.ts'

const F32 = 0

/** Writes a GGUF whose tensors, by name and shape, hold random numbers, the same ones for the same seed. */
export async function writeRandomModel(
  path: string,
  pairs: GgufSpec['pairs'],
  shapes: Readonly<Record<string, readonly number[]>>,
  { seed = 7, scale = 1 }: { readonly seed?: number; readonly scale?: number } = {},
): Promise<void> {
  let floats = 0
  const tensors = Object.entries(shapes).map(([name, shape]) => {
    const offset = BigInt(floats * 4)
    // Each tensor begins at a multiple of 32 bytes.
    floats += Math.ceil(shape.reduce((product, size) => product * size, 1) / 8) * 8
    return { name, shape: shape.map(BigInt), type: F32, offset }
  })
  const spec = ggufSpec((made) => {
    made.pairs = pairs
    made.tensors = tensors
    made.dataBytes = floats * 4
  })
  const bytes = ggufBytes(spec)
  const random = randomNumbers(seed)
  for (let at = bytes.length - floats * 4; at < bytes.length; at += 4)
    bytes.writeFloatLE(scale * (random() - 0.5), at)
  await writeFile(path, bytes)
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
