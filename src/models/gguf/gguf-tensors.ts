import type { ByteReader } from './byte-reader.ts'
import { ggmlTypes } from './ggml-types.ts'
import { shown } from './gguf-metadata.ts'

export const maxTensors = 100_000
// ggml's limits: GGML_MAX_NAME (with the final zero) and GGML_MAX_DIMS.
const maxNameBytes = 63
const maxDimensions = 4

export interface Tensors {
  readonly count: number
  readonly parameters: number
  readonly bytes: number
  /** The type that holds the most bytes. */
  readonly mainType: string
  /** Dimensions of each tensor by name, the length of its rows first. */
  readonly shapes: ReadonlyMap<string, readonly number[]>
}

interface Tensor {
  readonly name: string
  readonly type: string
  readonly shape: readonly number[]
  readonly elements: number
  readonly bytes: number
  readonly offset: bigint
}

/** Reads the tensor list and checks each tensor's place against the file's size. */
export async function readTensors(reader: ByteReader, count: number, alignment: number): Promise<Tensors> {
  const shapes = new Map<string, readonly number[]>()
  const bytesByType = new Map<string, number>()
  let parameters = 0
  let end = 0
  let expected = 0
  for (let index = 0; index < count; index++) {
    const tensor = await readTensor(reader, index)
    if (shapes.has(tensor.name)) throw reader.fail(`tensor ${shown(tensor.name)} appears twice.`)
    shapes.set(tensor.name, tensor.shape)
    checkPlace(reader, tensor, expected, alignment)
    end = expected + tensor.bytes
    expected = padded(end, alignment)
    parameters += tensor.elements
    if (!Number.isSafeInteger(expected) || !Number.isSafeInteger(parameters)) {
      throw reader.fail('its tensors together are larger than any file can be.')
    }
    bytesByType.set(tensor.type, (bytesByType.get(tensor.type) ?? 0) + tensor.bytes)
  }
  // A file without tensors ends with its header.
  if (count > 0) checkEnd(reader, padded(reader.position, alignment) + end)
  const [largest] = [...bytesByType].sort((a, b) => b[1] - a[1])
  return { count, parameters, bytes: end, mainType: largest?.[0] ?? 'none', shapes }
}

const padded = (size: number, alignment: number): number => Math.ceil(size / alignment) * alignment

async function readTensor(reader: ByteReader, index: number): Promise<Tensor> {
  const name = await reader.string(`the name of tensor ${index + 1}`, maxNameBytes)
  const dimensions = await reader.u32()
  if (dimensions < 1 || dimensions > maxDimensions) {
    throw reader.fail(
      `tensor ${shown(name)} has ${dimensions} dimensions; 1 to ${maxDimensions} are possible.`,
    )
  }
  const shape: bigint[] = []
  for (let dimension = 0; dimension < dimensions; dimension++) shape.push(await reader.u64())
  const typeId = await reader.u32()
  const type = ggmlTypes.get(typeId)
  if (!type) throw reader.fail(`tensor ${shown(name)} has the unknown type ${typeId}.`)
  const elements = shape.reduce((product, length) => product * length, 1n)
  const bytes = (elements / BigInt(type.block)) * BigInt(type.bytes)
  if (elements < 1n || elements > Number.MAX_SAFE_INTEGER || bytes > Number.MAX_SAFE_INTEGER) {
    throw reader.fail(`tensor ${shown(name)} has the impossible shape ${shape.join(' × ')}.`)
  }
  if ((shape[0] ?? 0n) % BigInt(type.block) !== 0n) {
    throw reader.fail(
      `tensor ${shown(name)} has rows of ${shape[0]}, not a multiple of ${type.name}'s ${type.block}.`,
    )
  }
  const offset = await reader.u64()
  return {
    name,
    type: type.name,
    shape: shape.map(Number),
    elements: Number(elements),
    bytes: Number(bytes),
    offset,
  }
}

function checkPlace(reader: ByteReader, tensor: Tensor, expected: number, alignment: number): void {
  const place = `tensor ${shown(tensor.name)} lies at offset ${tensor.offset}`
  if (tensor.offset % BigInt(alignment) !== 0n) {
    throw reader.fail(`${place}, not a multiple of the alignment ${alignment}.`)
  }
  if (tensor.offset > reader.size) throw reader.fail(`${place}, past the end of the file.`)
  // llama.cpp too wants tensors back to back; elsewhere they would overlap or hide data.
  if (tensor.offset !== BigInt(expected)) throw reader.fail(`${place} where ${expected} is expected.`)
}

function checkEnd(reader: ByteReader, end: number): void {
  const missing = end - reader.size
  if (missing > 0) {
    throw reader.fail(
      `the file is truncated: ${missing} bytes of tensor data are missing (${reader.size} of ${end}).`,
    )
  }
}
