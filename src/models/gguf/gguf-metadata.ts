import type { ByteReader } from './byte-reader.ts'

/** An array too long to keep, or of strings: only its length is kept. */
export interface ArrayLength {
  readonly type: number
  readonly length: number
}

export type MetadataValue = number | string | boolean | readonly number[] | ArrayLength
export type Metadata = ReadonlyMap<string, MetadataValue>

const caps = {
  pairs: 100_000,
  keyBytes: 65_535,
  stringBytes: 16 << 20,
  keptStringBytes: 4096,
  arrayLength: 8_000_000,
  keptArrayLength: 1024,
  metadataBytes: 256 << 20,
} as const

const stringType = 8
const arrayType = 9

interface Scalar {
  readonly bytes: number
  read(from: Buffer): number | boolean
}

const scalars: ReadonlyMap<number, Scalar> = new Map<number, Scalar>([
  [0, { bytes: 1, read: (from) => from.readUInt8() }],
  [1, { bytes: 1, read: (from) => from.readInt8() }],
  [2, { bytes: 2, read: (from) => from.readUInt16LE() }],
  [3, { bytes: 2, read: (from) => from.readInt16LE() }],
  [4, { bytes: 4, read: (from) => from.readUInt32LE() }],
  [5, { bytes: 4, read: (from) => from.readInt32LE() }],
  [6, { bytes: 4, read: (from) => from.readFloatLE() }],
  [7, { bytes: 1, read: (from) => from.readUInt8() !== 0 }],
  [10, { bytes: 8, read: (from) => Number(from.readBigUInt64LE()) }],
  [11, { bytes: 8, read: (from) => Number(from.readBigInt64LE()) }],
  [12, { bytes: 8, read: (from) => from.readDoubleLE() }],
])

export const maxPairs = caps.pairs

/**
 * Reads the key-value pairs. Of a long text only the beginning is kept, of a long array or one of texts its length.
 * @param whole keys whose texts are kept whole.
 */
export async function readMetadata(
  reader: ByteReader,
  pairs: number,
  whole: readonly string[] = [],
): Promise<Metadata> {
  const metadata = new Map<string, MetadataValue>()
  for (let index = 0; index < pairs; index++) {
    const key = await reader.string(`metadata key ${index + 1}`, caps.keyBytes)
    if (metadata.has(key)) throw reader.fail(`metadata key ${shown(key)} appears twice.`)
    const keptBytes = whole.includes(key) ? caps.stringBytes : caps.keptStringBytes
    metadata.set(key, await readValue(reader, key, await reader.u32(), keptBytes))
    if (reader.position > caps.metadataBytes) {
      throw reader.fail(`its metadata is over ${caps.metadataBytes} bytes long.`)
    }
  }
  return metadata
}

/** Number of a model's tokens; undefined where the file has no list of texts for them. */
export function vocabularySize(metadata: Metadata): number | undefined {
  const tokens = metadata.get('tokenizer.ggml.tokens')
  const isList = typeof tokens === 'object' && 'type' in tokens && tokens.type === stringType
  return isList ? tokens.length : undefined
}

/** A name from the file, cut and quoted for a message. */
export const shown = (name: string): string => {
  const text = JSON.stringify(name.slice(0, 80))
  return `'${text.slice(1, -1)}'`
}

async function readValue(
  reader: ByteReader,
  key: string,
  type: number,
  keptBytes: number,
): Promise<MetadataValue> {
  if (type === stringType) return readText(reader, key, keptBytes)
  if (type === arrayType) return readArray(reader, key)
  const scalar = scalars.get(type)
  if (!scalar) throw unknownType(reader, key, type)
  return scalar.read(await reader.bytes(scalar.bytes))
}

async function readText(reader: ByteReader, key: string, keptBytes: number): Promise<string> {
  const length = await reader.stringLength(`the value of ${shown(key)}`, caps.stringBytes)
  const kept = Math.min(length, keptBytes)
  const text = (await reader.bytes(kept)).toString('utf8')
  reader.skip(length - kept)
  return text
}

async function readArray(reader: ByteReader, key: string): Promise<MetadataValue> {
  const type = await reader.u32()
  const length = await reader.count(`the length of array ${shown(key)}`, caps.arrayLength)
  if (type === arrayType)
    throw reader.fail(`array ${shown(key)} holds arrays, which llama.cpp does not read.`)
  if (type === stringType) {
    // Every string has at least its length.
    reader.ensure(length * 8, `array ${shown(key)}`)
    await reader.skipStrings(length, caps.stringBytes)
    return { type, length }
  }
  const scalar = scalars.get(type)
  if (!scalar) throw unknownType(reader, key, type)
  reader.ensure(length * scalar.bytes, `array ${shown(key)}`)
  if (length > caps.keptArrayLength) {
    reader.skip(length * scalar.bytes)
    return { type, length }
  }
  const values: number[] = []
  for (let index = 0; index < length; index++)
    values.push(Number(scalar.read(await reader.bytes(scalar.bytes))))
  return values
}

function unknownType(reader: ByteReader, key: string, type: number): Error {
  return reader.fail(`metadata ${shown(key)} has the unknown value type ${type}.`)
}
