import type { Config } from '../config/schema.ts'
import { type MachinePlan, machinePlan } from '../machine/machine-plan.ts'
import {
  type FitPlan,
  type FitRequest,
  fitPlan,
  fits,
  fitsGpu,
  kvBytesPerToken,
  PROCESSES,
  proposals,
  type Room,
  roomText,
  size,
} from '../models/fit-plan.ts'
import { hasWeights, readModel } from '../models/gguf/gguf.ts'
import type { GgufSummary } from '../models/gguf/gguf-summary.ts'
import { locateLocal } from '../models/locate.ts'

export interface InspectOptions extends FitRequest {
  readonly room: Room
}

/** Slots up to which proposals are made. */
const MAX_SLOTS = 256

/** Text that `inspect FILE` prints, for a file or a directory and this machine's memory. */
export async function inspectModel(path: string, config: Config): Promise<string> {
  const { shards } = await locateLocal(path)
  const [model, machine] = await Promise.all([readModel(shards), machinePlan(config)])
  const text = inspectText(model, { ...config, room: machine.room })
  return hasWeights(model) ? `${text}${machineText(machine)}\n` : text
}

/** A model and what would fit, as text. */
export function inspectText(model: GgufSummary, options: InspectOptions): string {
  const perToken = kvBytesPerToken(model, options.kvCacheType)
  const rows = [
    ['file', `${model.file} (GGUF v${model.version}, ${size(model.fileBytes)}${shardNote(model)})`],
    ['name', model.name ?? '-'],
    ['architecture', model.architecture],
    ['parameters', count(model.parameters)],
    ['quantization', hasWeights(model) ? model.quantization : 'none: a vocabulary without weights'],
    ['layers', `${model.blockCount}, embedding ${model.embeddingLength}, heads ${model.headCount}`],
    ['trained context', `${model.contextLength} tokens`],
    ['vocabulary', `${model.vocabularySize} tokens${model.tokenizer ? ` (${model.tokenizer})` : ''}`],
    ['chat template', model.hasChatTemplate ? 'yes' : 'no'],
    ['KV cache', `${perToken} bytes per token (${options.kvCacheType})`],
  ]
  const table = rows.map(([label = '', value]) => `${label.padEnd(17)}${value}`).join('\n')
  return hasWeights(model) ? `${table}\n\n${fitText(model, options)}\n` : `${table}\n`
}

const shardNote = ({ splitCount }: GgufSummary): string => (splitCount > 1 ? `, ${splitCount} shards` : '')

function fitText(model: GgufSummary, options: InspectOptions): string {
  const { room } = options
  const plan = fitPlan(model, options, room)
  const { slots, contextSize, weights, kvCache, compute, total } = plan
  return [
    `Estimate for ${roomText(room)}${room.gpu === 0 ? ', without a GPU' : ''}:`,
    `  ${slots} slots × ${contextSize} tokens: ${size(weights)} weights + ${size(kvCache)} KV cache + ${size(compute)} buffers = ${size(total)} for the engine,`,
    `  and up to ${size(PROCESSES)} for the gateway, the text process and the runtimes: ${verdict(plan, room)}`,
    `  ${plan.batchTokens} tokens a pass, KV cache of ${plan.kvCacheType}`,
    `  ${proposals(model, { ...plan, slots: MAX_SLOTS }, room)}`,
  ].join('\n')
}

function verdict(plan: FitPlan, room: Room): string {
  if (fitsGpu(plan, room)) return 'fits on the GPU'
  if (!fits(plan, room)) return 'does not fit'
  return room.gpu === 0 ? 'fits' : 'fits beside the GPU: what stays on the CPU makes it slow'
}

/** Threads and GPU layers of the plan, as text. */
function machineText({ cores, threads, gpuLayers, gpu, flashAttention }: MachinePlan): string {
  const fewer = threads > 1 ? ', for streams fewer where that is faster' : ''
  return [
    `  ${threads} threads of ${cores} cores${fewer}`,
    `  GPU layers: ${gpuLayers}${gpu === undefined ? '' : ` on ${gpu.devices.join(', ')} (${gpu.backend})`}; flash attention: ${flashAttention}`,
  ].join('\n')
}

function count(value: number): string {
  if (value < 1e6) return String(value)
  return value < 1e9 ? `${(value / 1e6).toFixed(1)} M` : `${(value / 1e9).toFixed(2)} B`
}
