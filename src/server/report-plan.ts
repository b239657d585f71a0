import type { Logger } from 'pino'
import type { Config } from '../config/schema.ts'
import type { MachinePlan } from '../machine/machine-plan.ts'
import { fits, fitsGpu, size } from '../models/fit-plan.ts'
import type { GgufSummary } from '../models/gguf/gguf-summary.ts'
import type { ModelPlan } from './plan-model.ts'

/** Logs what the engine is started with, and what it takes: the first thing to look at when a start fails. */
export function reportPlan(
  { engine, fit }: ModelPlan,
  { blockCount }: GgufSummary,
  machine: MachinePlan,
  log: Logger,
): void {
  const { room, uselessGpu: _, ...rest } = machine
  const layers = { onGpu: engine.gpuLayers, total: blockCount + 1 }
  const parking = engine.parking?.bytes ?? 0
  log.info({ ...fit, ...rest, layers, parking, memory: room.host }, 'plan, in bytes and tokens')
  if (!fits(fit, room)) {
    log.warn({ total: fit.total, ...room }, 'the weights do not fit in memory: expect it to be slow')
  } else if (room.gpu > 0 && !fitsGpu(fit, room)) {
    log.warn(
      { total: fit.total, ...room },
      `not all of it fits in the ${size(room.gpu)} that are free on the GPU: layers stay on the CPU, and it is slow`,
    )
  }
}

/** Warns of a GPU that is there, or is asked for, and is not used: it makes a server slow for no reason that one could see. */
export function reportUnusedGpu({ gpuLayers }: Config, { gpu, uselessGpu }: MachinePlan, log: Logger): void {
  if (gpu !== undefined || (gpuLayers <= 0 && uselessGpu === undefined)) return
  log.warn(
    { wrote: uselessGpu || undefined },
    uselessGpu === undefined
      ? 'there is no GPU: all layers are on the CPU'
      : 'llama.cpp can use no GPU here: all layers are on the CPU',
  )
}
