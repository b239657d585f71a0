import type { VirtualStep } from './server.ts'

/** How long a forward pass takes, in ms: a line, as llama.cpp on a CPU nearly is. */
export interface StepCost {
  readonly fixedMs: number
  readonly decodeMs: number
  readonly prefillMs: number
}

export function stepMs({ fixedMs, decodeMs, prefillMs }: StepCost, step: VirtualStep): number {
  return fixedMs + decodeMs * step.decodeTokens + prefillMs * step.prefillTokens
}
