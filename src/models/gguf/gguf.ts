import { type FileHandle, open, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { ModelFileError } from '../model-file-error.ts'
import { ByteReader } from './byte-reader.ts'
import { type Metadata, maxPairs, readMetadata } from './gguf-metadata.ts'
import { type GgufSummary, summarise } from './gguf-summary.ts'
import { maxTensors, readTensors } from './gguf-tensors.ts'

export { ModelFileError } from '../model-file-error.ts'
export type { GgufSummary } from './gguf-summary.ts'

const magic = Buffer.from('GGUF')

/**
 * Reads a model file's header before llama.cpp does. A file that lies about a length, a place or a
 * type is refused with a ModelFileError that names the reason.
 */
export async function readGguf(path: string): Promise<GgufSummary> {
  return withReader(path, async (reader) => {
    const { version, metadata, tensors } = await readHeader(reader)
    return summarise(reader, version, metadata, tensors)
  })
}

/** Reads a model of one file or of all the shards of a split one; sizes and counts are the whole model's. */
export async function readModel(shards: readonly string[]): Promise<GgufSummary> {
  const [first, ...others] = shards
  if (first === undefined) throw new ModelFileError('no model file given.')
  const summary = await readGguf(first)
  if (summary.splitCount !== shards.length) {
    throw new ModelFileError(
      `${basename(first)}: the model has ${summary.splitCount} parts; ${shards.length} found.`,
    )
  }
  let { fileBytes, parameters, tensorCount } = summary
  for (const path of others) {
    const { tensors, size } = await withReader(path, async (reader) => ({
      ...(await readHeader(reader)),
      size: reader.size,
    }))
    fileBytes += size
    parameters += tensors.parameters
    tensorCount += tensors.count
  }
  return { ...summary, fileBytes, parameters, tensorCount }
}

/** A model that is to be run. @throws ModelFileError for one without weights, as a vocabulary by itself is. */
export async function readWholeModel(shards: readonly string[]): Promise<GgufSummary> {
  const model = await readModel(shards)
  if (hasWeights(model)) return model
  throw new ModelFileError(`${model.file}: holds a vocabulary and no weights, so it cannot be served.`)
}

export function hasWeights({ tensorCount }: GgufSummary): boolean {
  return tensorCount > 0
}

/**
 * The metadata and the tensors' shapes of one file.
 * @param whole see readMetadata().
 * @throws ModelFileError.
 */
export async function readGgufHeader(
  path: string,
  whole?: readonly string[],
): Promise<{
  readonly metadata: Metadata
  readonly shapes: ReadonlyMap<string, readonly number[]>
}> {
  return withReader(path, async (reader) => {
    const { metadata, tensors } = await readHeader(reader, whole)
    return { metadata, shapes: tensors.shapes }
  })
}

async function withReader<T>(path: string, use: (reader: ByteReader) => Promise<T>): Promise<T> {
  const name = basename(path)
  let handle: FileHandle | undefined
  try {
    // Before opening: opening a pipe waits for its writer.
    const { size } = await regularFile(path)
    handle = await open(path)
    return await use(new ByteReader(name, handle, size))
  } catch (error) {
    if (error instanceof ModelFileError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new ModelFileError(`${name}: cannot be read: ${reason}`, { cause: error })
  } finally {
    await handle?.close()
  }
}

async function regularFile(path: string): Promise<{ readonly size: number }> {
  const stats = await stat(path)
  if (!stats.isFile()) throw new ModelFileError(`${basename(path)}: is not a file.`)
  if (stats.size === 0) throw new ModelFileError(`${basename(path)}: is empty.`)
  return stats
}

async function readHeader(reader: ByteReader, whole?: readonly string[]) {
  const version = await readVersion(reader)
  const tensorCount = await reader.count('the number of tensors', maxTensors)
  const pairs = await reader.count('the number of metadata pairs', maxPairs)
  const metadata = await readMetadata(reader, pairs, whole)
  const tensors = await readTensors(reader, tensorCount, alignmentOf(reader, metadata))
  return { version, metadata, tensors }
}

async function readVersion(reader: ByteReader): Promise<number> {
  const start = await reader.bytes(4)
  if (!start.equals(magic)) {
    const pointer = start.toString('latin1') === 'vers' ? ' (a Git LFS pointer: run git lfs pull)' : ''
    throw reader.fail(`is not a GGUF file: it starts with 0x${start.toString('hex')}${pointer}.`)
  }
  const bytes = await reader.bytes(4)
  const version = bytes.readUInt32LE()
  if (version === 2 || version === 3) return version
  const swapped = bytes.readUInt32BE()
  if (swapped <= 3) throw reader.fail('is a big-endian GGUF file; little-endian ones can be served.')
  throw reader.fail(`has GGUF version ${version}; 2 and 3 can be served.`)
}

function alignmentOf(reader: ByteReader, metadata: Metadata): number {
  const alignment = metadata.get('general.alignment') ?? 32
  const valid =
    typeof alignment === 'number' && Number.isInteger(Math.log2(alignment)) && alignment <= 1 << 20
  if (!valid || alignment < 1)
    throw reader.fail(`has the alignment ${String(alignment)}, not a power of two.`)
  return alignment
}
