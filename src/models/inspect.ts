import { totalmem } from 'node:os'
import type { Config } from '../config/schema.ts'
import { bytesPerElement } from './ggml-types.ts'
import { readModel } from './gguf.ts'
import type { GgufSummary } from './gguf-summary.ts'
import { locateLocal } from './locate.ts'

export interface InspectOptions {
  readonly slots: number
  /** 0: what the model was trained with, at most 4096. */
  readonly contextSize: number
  readonly kvCacheType: string
  /** Bytes of memory the model may take. */
  readonly memory: number
}

const largestDefaultContext = 4096

/** The context of each slot: as asked, or the trained one, at most 4096. */
export function slotContext(contextSize: number, trained: number): number {
  return contextSize > 0 ? contextSize : Math.min(trained, largestDefaultContext)
}

/** Bytes of KV cache one token takes; an upper bound where layers use sliding windows. */
export function kvBytesPerToken(model: GgufSummary, kvCacheType: string): number {
  return Math.ceil(model.kvElementsPerToken * bytesPerElement(kvCacheType))
}

/** What `inspect FILE` prints, for a file or a directory and this machine's memory. */
export async function inspectModel(path: string, config: Config): Promise<string> {
  const { shards } = await locateLocal(path)
  return inspectText(await readModel(shards), { ...config, memory: usableMemory() })
}

/** The container's limit where there is one. */
function usableMemory(): number {
  const limit = process.constrainedMemory()
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem()
}

/** A model and what would fit, as text. */
export function inspectText(model: GgufSummary, options: InspectOptions): string {
  const perToken = kvBytesPerToken(model, options.kvCacheType)
  const rows = [
    ['file', `${model.file} (GGUF v${model.version}, ${size(model.fileBytes)}${shardNote(model)})`],
    ['name', model.name ?? '-'],
    ['architecture', model.architecture],
    ['parameters', count(model.parameters)],
    ['quantization', model.quantization],
    ['layers', `${model.blockCount}, embedding ${model.embeddingLength}, heads ${model.headCount}`],
    ['trained context', `${model.contextLength} tokens`],
    ['vocabulary', `${model.vocabularySize} tokens${model.tokenizer ? ` (${model.tokenizer})` : ''}`],
    ['chat template', model.hasChatTemplate ? 'yes' : 'no'],
    ['KV cache', `${perToken} bytes per token (${options.kvCacheType})`],
  ]
  const table = rows.map(([label = '', value]) => `${label.padEnd(17)}${value}`).join('\n')
  return `${table}\n\n${fitText(model, options, perToken)}\n`
}

const shardNote = ({ splitCount }: GgufSummary): string => (splitCount > 1 ? `, ${splitCount} shards` : '')

function fitText(model: GgufSummary, options: InspectOptions, perToken: number): string {
  const context = slotContext(options.contextSize, model.contextLength)
  const perSlot = perToken * context
  const left = options.memory - model.fileBytes
  const most = perSlot === 0 ? undefined : Math.max(0, Math.floor(left / perSlot))
  const needed = model.fileBytes + perSlot * options.slots
  const verdict = needed <= options.memory ? 'fits' : 'does not fit'
  return [
    `Estimate without compute buffers, for ${size(options.memory)} of memory:`,
    `  ${options.slots} slots × ${context} tokens: ${size(model.fileBytes)} weights + ${size(perSlot * options.slots)} KV cache = ${size(needed)}: ${verdict}`,
    `  slots of ${context} tokens that fit: ${most ?? 'any number'}`,
  ].join('\n')
}

function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10))
  return `${power === 0 ? bytes : (bytes / 1024 ** power).toFixed(1)} ${units[power]}`
}

function count(value: number): string {
  if (value < 1e6) return String(value)
  return value < 1e9 ? `${(value / 1e6).toFixed(1)} M` : `${(value / 1e9).toFixed(2)} B`
}
