import type { ByteReader } from './byte-reader.ts'
import { fileTypes } from './ggml-types.ts'
import { type Metadata, vocabularySize } from './gguf-metadata.ts'
import type { Tensors } from './gguf-tensors.ts'

const maxVocabulary = 4_000_000
// llama.cpp's LLAMA_MAX_LAYERS is 512.
const maxBlocks = 4096

/** llama.cpp: models whose tokens are no text. */
const NO_VOCABULARY: ReadonlySet<unknown> = new Set(['none', 'no_vocab'])

/** Facts about a model that the server needs before it loads it. */
export interface GgufSummary {
  readonly file: string
  readonly version: number
  readonly architecture: string
  readonly name: string | undefined
  /** `Q4_K_M`: what the quantiser was asked for, or the type that holds the most bytes. */
  readonly quantization: string
  readonly parameters: number
  readonly tensorCount: number
  readonly fileBytes: number
  /** Tokens of context the model was trained with. */
  readonly contextLength: number
  /** llama.cpp: llama_pooling_type; undefined: the file does not say. */
  readonly pooling: number | undefined
  readonly blockCount: number
  readonly embeddingLength: number
  readonly headCount: number
  /** Key and value numbers one token adds to the cache, over all layers; without sliding windows. */
  readonly kvElementsPerToken: number
  readonly vocabularySize: number
  readonly tokenizer: string | undefined
  readonly hasChatTemplate: boolean
  /** Files the model is split over; 1: this one alone. */
  readonly splitCount: number
}

export function summarise(
  reader: ByteReader,
  version: number,
  metadata: Metadata,
  tensors: Tensors,
): GgufSummary {
  const architecture = metadata.get('general.architecture')
  if (typeof architecture !== 'string' || architecture === '') {
    throw reader.fail('names no architecture (general.architecture is missing).')
  }
  const fields = new Fields(reader, metadata, architecture)
  const blockCount = fields.positive('block_count')
  if (blockCount > maxBlocks)
    throw reader.fail(`has ${blockCount} blocks; at most ${maxBlocks} are possible.`)
  return {
    file: reader.file,
    version,
    architecture,
    name: fields.text('general.name'),
    quantization: fileTypes.get(fields.number('general.file_type') ?? -1) ?? tensors.mainType,
    parameters: tensors.parameters,
    tensorCount: tensors.count,
    fileBytes: reader.size,
    contextLength: fields.positive('context_length'),
    pooling: fields.number(`${architecture}.pooling_type`),
    blockCount,
    embeddingLength: fields.positive('embedding_length'),
    headCount: fields.perLayer('attention.head_count', blockCount)[0] ?? 0,
    kvElementsPerToken: kvElements(fields, blockCount),
    vocabularySize: plausibleVocabulary(reader, metadata),
    tokenizer: fields.text('tokenizer.ggml.model'),
    hasChatTemplate: metadata.has('tokenizer.chat_template'),
    splitCount: Math.max(1, fields.number('split.count') ?? 1),
  }
}

function kvElements(fields: Fields, blockCount: number): number {
  const heads = fields.perLayer('attention.head_count', blockCount)
  const kvHeads = fields.has('attention.head_count_kv')
    ? fields.perLayer('attention.head_count_kv', blockCount)
    : heads
  const width = fields.positive('embedding_length') / Math.max(1, heads[0] ?? 1)
  const key = fields.own('attention.key_length') ?? width
  const value = fields.own('attention.value_length') ?? width
  return Math.round(kvHeads.reduce((sum, count) => sum + count, 0) * (key + value))
}

function plausibleVocabulary(reader: ByteReader, metadata: Metadata): number {
  const kind = metadata.get('tokenizer.ggml.model')
  if (NO_VOCABULARY.has(kind)) throw reader.fail(`has no vocabulary (tokenizer.ggml.model is '${kind}').`)
  if (!metadata.has('tokenizer.ggml.tokens'))
    throw reader.fail('has no vocabulary (tokenizer.ggml.tokens is missing).')
  const size = vocabularySize(metadata)
  if (size === undefined || size < 1 || size > maxVocabulary) {
    throw reader.fail(`has an impossible vocabulary: 1 to ${maxVocabulary} texts are expected.`)
  }
  return size
}

class Fields {
  readonly #reader: ByteReader
  readonly #metadata: Metadata
  readonly #prefix: string

  constructor(reader: ByteReader, metadata: Metadata, architecture: string) {
    this.#reader = reader
    this.#metadata = metadata
    this.#prefix = `${architecture}.`
  }

  has(name: string): boolean {
    return this.#metadata.has(this.#prefix + name)
  }

  text(key: string): string | undefined {
    const value = this.#metadata.get(key)
    return typeof value === 'string' && value !== '' ? value : undefined
  }

  number(key: string): number | undefined {
    const value = this.#metadata.get(key)
    return typeof value === 'number' ? value : undefined
  }

  own(name: string): number | undefined {
    return this.has(name) ? this.positive(name) : undefined
  }

  positive(name: string): number {
    const value = this.#metadata.get(this.#prefix + name)
    return this.#checked(name, value, 1)
  }

  /** A number of every layer: one for all, or a list. Layers without attention have 0. */
  perLayer(name: string, layers: number): readonly number[] {
    const value = this.#metadata.get(this.#prefix + name)
    if (value === undefined) return []
    if (Array.isArray(value)) return value.map((each) => this.#checked(name, each, 0))
    const one = this.#checked(name, value, 0)
    return new Array<number>(layers).fill(one)
  }

  #checked(name: string, value: unknown, least: number): number {
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value < 2 ** 31)
      return value
    const found = value === undefined ? 'missing' : typeof value === 'number' ? `${value}` : 'not a number'
    throw this.#reader.fail(`${this.#prefix}${name} is ${found}.`)
  }
}

/** Whether a model ranks. llama.cpp: LLAMA_POOLING_TYPE_RANK. */
export function ranks({ pooling }: GgufSummary): boolean {
  return pooling === 4
}

/** Whether a model makes embeddings: llama.cpp pools by mean, first or last token (1 to 3); encoders of BERT's family by default. */
export function makesEmbeddings({ pooling, architecture }: GgufSummary): boolean {
  return pooling === undefined ? architecture.endsWith('bert') : pooling >= 1 && pooling <= 3
}
