import { drawLength, type Lengths } from './lengths.ts'
import { type Random, random, seedOf } from './random.ts'
import type { Session, SharedPrefix } from './workload.ts'

export interface SessionPlan {
  readonly group: string
  /** Sessions with equal seeds and groups are equal. */
  readonly seed: number
  /** One session for each, at that moment (ms). */
  readonly arrivals: readonly number[]
  readonly prompt: Lengths
  readonly output: Lengths
  /** Default 1. */
  readonly turns?: number
  /** The part of sessions, from 0 to 1, that start with `prefixTokens` common tokens. Default 0. */
  readonly sharedShare?: number
  readonly prefixTokens?: number
}

export function planSessions(plan: SessionPlan): Session[] {
  const draw = random(seedOf(plan.seed, plan.group))
  return plan.arrivals.map((atMs, index) => ({
    group: plan.group,
    seed: seedOf(plan.seed, plan.group, index),
    atMs,
    prefix: prefixOf(plan, draw),
    turns: turnsOf(plan, draw),
  }))
}

function prefixOf({ seed, sharedShare = 0, prefixTokens = 0 }: SessionPlan, draw: Random) {
  const prefix: SharedPrefix = { seed: seedOf(seed, 'prefix'), tokens: prefixTokens }
  return draw() < sharedShare ? prefix : undefined
}

function turnsOf({ turns = 1, prompt, output }: SessionPlan, draw: Random): Session['turns'] {
  return Array.from({ length: turns }, () => ({
    promptTokens: drawLength(prompt, draw),
    outputTokens: drawLength(output, draw),
  }))
}

/** All at once, or in a closed loop. */
export function atOnce(count: number): number[] {
  return Array.from({ length: count }, () => 0)
}
