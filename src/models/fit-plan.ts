import { bytesPerElement } from './gguf/ggml-types.ts'
import type { GgufSummary } from './gguf/gguf-summary.ts'
import { ModelFileError } from './model-file-error.ts'

/** Requested settings; 0: to be chosen. */
export interface FitRequest {
  readonly slots: number
  /** Tokens of each slot. */
  readonly contextSize: number
  /** Tokens of a forward pass. */
  readonly batchSize: number
  readonly kvCacheType: string
  /** llama.cpp's fused attention; `auto`: wherever the backend has it, as all do for what is planned here. */
  readonly flashAttention: 'auto' | 'on' | 'off'
}

/** Settings that the engine is started with, and an estimate of the bytes it takes. */
export interface FitPlan {
  readonly slots: number
  readonly contextSize: number
  readonly batchTokens: number
  readonly kvCacheType: string
  readonly flashAttention: FitRequest['flashAttention']
  readonly weights: number
  readonly kvCache: number
  /** llama.cpp's buffers of a pass: activations, logits, the mask of attention, and its scores where it is not fused. */
  readonly compute: number
  /** Bytes of all together. */
  readonly total: number
}

/** Bytes available for a model, its KV cache and llama.cpp's buffers. */
export interface Room {
  /** Memory of the machine, or of the container where that is less. */
  readonly host: number
  /** Free memory of all GPUs that have their own; 0: there is none, or it is not to be used. */
  readonly gpu: number
}

/** Default slots and their tokens on a CPU: enough for some conversations, small enough for a laptop. */
const ON_CPU = { slots: 4, contextSize: 4096 }
/** Default slots and their tokens on a GPU, which decodes many streams at nearly the cost of one. */
const ON_GPU = { slots: 16, contextSize: 8192 }
const MIN_CONTEXT = 512
/** Multiple of which proposed context sizes are. */
const STEP = 256
/** Bytes for the gateway, the text process and the runtimes of all three processes. */
export const PROCESSES = 400 * 2 ** 20
/** Bytes of a GPU kept for llama.cpp's passes beyond the estimate, and for whatever else is on it. */
const GPU_MARGIN = 2 ** 30
/** Layers whose weights and KV cache llama.cpp may copy to a GPU for a pass, where they are not on it. */
const BROUGHT_OVER = 2

/** Bytes of KV cache that one token takes; an upper bound where layers use sliding windows. */
export function kvBytesPerToken(model: GgufSummary, kvCacheType: string): number {
  return Math.ceil(model.kvElementsPerToken * bytesPerElement(kvCacheType))
}

/**
 * Fills in the settings that were not requested: on a CPU four slots of the trained context, at most 4,096 tokens, on a GPU 16 of at
 * most 8,192, and less of both where memory is short. Requested ones stay as they are, also when they do not fit.
 */
export function fitPlan(model: GgufSummary, asked: FitRequest, room: Room): FitPlan {
  const least = planOf(model, asked, asked.slots || 1, asked.contextSize || MIN_CONTEXT)
  // A part of the layers on the CPU makes all of it slow: a GPU that could hold the model holds all of it.
  const whole = fitsGpu(least, room)
  const usual = whole ? ON_GPU : ON_CPU
  let slots = asked.slots || usual.slots
  let contextSize = asked.contextSize || Math.min(model.contextLength || usual.contextSize, usual.contextSize)
  const plan = (): FitPlan => planOf(model, asked, slots, contextSize)
  const isTooMuch = (): boolean => !(whole ? fitsGpu(plan(), room) : fits(plan(), room))
  while (asked.slots === 0 && slots > 1 && isTooMuch()) slots--
  while (asked.contextSize === 0 && contextSize >= 2 * MIN_CONTEXT && isTooMuch()) {
    contextSize = Math.floor(contextSize / 2 / STEP) * STEP
  }
  return plan()
}

/**
 * Layers to put on GPUs; llama.cpp counts the output layer, too. As many as fit, unless a number is requested: weights and KV cache
 * are taken to be spread evenly over the layers, and room for two is left for what a pass copies over from the CPU.
 * @param asked requested layers; -1: none.
 */
export function layersOnGpu(model: GgufSummary, plan: FitPlan, room: Room, asked: number): number {
  const all = model.blockCount + 1
  if (asked >= 0) return Math.min(asked, all)
  if (room.gpu === 0 || fitsGpu(plan, room)) return all
  const each = (plan.weights + plan.kvCache) / all
  return Math.max(0, Math.floor((room.gpu - GPU_MARGIN - plan.compute) / each) - BROUGHT_OVER)
}

/** Whether a plan fits, on GPUs and beside them. Weights that do not are read from the disk again and again. */
export function fits(plan: FitPlan, room: Room): boolean {
  return fitsGpu(plan, room) || plan.total + PROCESSES <= room.host + room.gpu
}

/** Whether all of a plan fits on the GPUs. */
export function fitsGpu({ total }: FitPlan, { gpu }: Room): boolean {
  return total + GPU_MARGIN <= gpu
}

/**
 * Refuses a plan whose KV cache does not fit: llama.cpp fills it with zeros when it starts, and would be killed.
 * @throws ModelFileError that says what would fit.
 */
export function checkFit(model: GgufSummary, plan: FitPlan, room: Room): void {
  if (plan.kvCache + plan.compute + PROCESSES <= room.host + room.gpu) return
  throw new ModelFileError(
    `Cannot serve ${plan.slots} slots of ${plan.contextSize} tokens: they take ${size(plan.kvCache + plan.compute)} beside the weights, and there are ${roomText(room)}. ${proposals(model, plan, room)}`,
  )
}

/** Available memory in words. */
export function roomText({ host, gpu }: Room): string {
  return `${size(host)} of memory${gpu === 0 ? '' : ` and ${size(gpu)} free on the GPU`}`
}

/** A plan and the available memory in words. */
export function planInWords({ weights, kvCache, compute, total }: FitPlan, room: Room): string {
  const parts = `weights ${size(weights)}, KV cache ${size(kvCache)}, passes ${size(compute)}`
  return `the plan takes ${size(total)} (${parts}) and ${size(PROCESSES)} for the processes, of ${roomText(room)}`
}

/** Settings with which everything fits, nearest to those of a plan, in words. */
export function proposals(model: GgufSummary, plan: FitPlan, room: Room): string {
  const found = [plan.kvCacheType, 'q8_0']
    .filter((type, index, types) => types.indexOf(type) === index)
    .flatMap((type) => {
      const note = type === plan.kvCacheType ? '' : ` --kv-cache-type ${type}`
      return [
        { ...plan, slots: largest(plan.slots, 1, (slots) => fitsWith(model, plan, type, room, { slots })) },
        {
          ...plan,
          contextSize: largest(plan.contextSize, STEP, (contextSize) =>
            fitsWith(model, plan, type, room, { contextSize }),
          ),
        },
      ]
        .filter(
          ({ slots, contextSize }) => slots > 0 && contextSize >= Math.min(MIN_CONTEXT, plan.contextSize),
        )
        .map(({ slots, contextSize }) => `--slots ${slots} --context-size ${contextSize}${note}`)
    })
  if (found.length === 0) return 'Nothing fits: use a smaller model.'
  return `What fits: ${[...new Set(found)].join(', or ')}.`
}

function fitsWith(
  model: GgufSummary,
  plan: FitPlan,
  kvCacheType: string,
  room: Room,
  change: { readonly slots?: number; readonly contextSize?: number },
): boolean {
  const { slots, contextSize } = { ...plan, ...change }
  const asked = { kvCacheType, batchSize: plan.batchTokens, flashAttention: plan.flashAttention }
  return fits(planOf(model, asked, slots, contextSize), room)
}

/** The largest multiple of `step`, at most `most`, for which `will` holds; 0 when there is none. */
function largest(most: number, step: number, will: (value: number) => boolean): number {
  if (will(most)) return most
  let low = 0
  let high = Math.ceil(most / step)
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (will(middle * step)) low = middle
    else high = middle
  }
  return low * step
}

function planOf(
  model: GgufSummary,
  { kvCacheType, batchSize, flashAttention }: Omit<FitRequest, 'slots' | 'contextSize'>,
  slots: number,
  contextSize: number,
): FitPlan {
  const batchTokens = Math.max(batchSize, slots)
  const kvCache = kvBytesPerToken(model, kvCacheType) * slots * contextSize
  // llama.cpp: logits of every row in 32 bits, a few rows of activations, a mask of 16 bits; scores of a layer's heads in 32.
  const scores = flashAttention === 'off' ? 4 * model.headCount * contextSize : 0
  const compute =
    batchTokens * (4 * (model.vocabularySize + 4 * model.embeddingLength) + 2 * contextSize + scores)
  const weights = model.fileBytes
  return {
    slots,
    contextSize,
    batchTokens,
    kvCacheType,
    flashAttention,
    weights,
    kvCache,
    compute,
    total: weights + kvCache + compute,
  }
}

/** Bytes in words. */
export function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10))
  return `${power === 0 ? bytes : (bytes / 1024 ** power).toFixed(1)} ${units[power]}`
}
