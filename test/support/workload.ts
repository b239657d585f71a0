import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Parked } from '../../src/kvcache/parked-prefixes.ts'
import type { SlotCache } from '../../src/kvcache/slot-cache.ts'
import type { Engine, EngineLimits, SamplingParams, SlotStorage } from '../../src/protocol/engine.ts'
import type { ScheduledEntry } from '../../src/scheduler/next-pass.ts'
import { Scheduler } from '../../src/scheduler/scheduler.ts'
import type { Sequence } from '../../src/scheduler/sequence.ts'
import type { Random } from './random.ts'
import type { SequenceParams } from './sequences.ts'

export const greedy: SamplingParams = {
  temperature: 0,
  topP: 1,
  topK: 0,
  minP: 0,
  seed: 0,
  frequencyPenalty: 0,
  presencePenalty: 0,
  repeatPenalty: 1,
  penaltyWindow: 64,
  logitBias: [],
}

/** Twelve requests drawn from four prompts, so that prefixes and whole prompts repeat. */
export function workload(below: Random): SequenceParams[] {
  const shared = Array.from({ length: below(12) }, () => below(4))
  const pool = Array.from({ length: 4 }, () => [
    ...shared,
    ...Array.from({ length: 1 + below(20) }, () => below(4)),
  ])
  return Array.from({ length: 12 }, (_, id) => ({
    id: String(id),
    prompt: pool[below(4)] ?? [0],
    maxTokens: 1 + below(12),
    stopTokens: below(3) === 0 ? [below(256), below(256), below(256)] : [],
    speculation: below(2) === 0 ? { prediction: [] } : undefined,
    sampling: { ...greedy, seed: below(2) },
    cacheScope: String(id % 3 === 0),
    share: { tenant: String(id % 2), weight: 1 + (id % 3), priority: id % 5 },
  }))
}

export interface Drained {
  /** Tokens that went through the engine. */
  readonly computed: number
  readonly steps: number
}

/** Runs every sequence to its end, with arrivals and cancels at any moment when `below` says so. Checks integrity at each step. */
export async function drain(
  sequences: readonly Sequence[],
  engine: Engine & Partial<SlotStorage>,
  cache: SlotCache,
  below: Random = () => 1,
  afterStep: (scheduler: Scheduler) => void = () => undefined,
): Promise<Drained> {
  const scheduler = new Scheduler(engine.limits, cache, { minCopy: 1, minStay: 2 })
  const later = [...sequences]
  const frozen = new Map<Sequence, number>()
  const folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
  let computed = 0
  let steps = 0
  for (; later.length + scheduler.stats().waiting + scheduler.stats().running > 0; steps++) {
    if (steps > 5000) throw new Error('no progress')
    const next = below(2) === 1 ? later.shift() : undefined
    if (next !== undefined) scheduler.add(next)
    if (below(12) === 0) cancelOne(sequences, later, scheduler, frozen, below)
    scheduler.checkInvariants()
    const batch = await settled(scheduler.schedule(), scheduler, engine, folder, below)
    computed += batch.reduce((sum, entry) => sum + entry.tokens.length, 0)
    const results = await engine.step(batch)
    if (below(9) === 0) cancelOne(sequences, later, scheduler, frozen, below)
    scheduler.commit(batch, results)
    scheduler.checkInvariants()
    afterStep(scheduler)
  }
  rmSync(folder, { recursive: true })
  for (const [{ tokens, end }, length] of frozen) {
    if (tokens.length !== length || end !== 'cancelled') throw new Error('a cancelled sequence went on')
  }
  return { computed, steps }
}

/** Parks and restores as the entries want it; one transfer in a few fails. */
async function settled(
  batch: readonly ScheduledEntry[],
  scheduler: Scheduler,
  engine: Engine & Partial<SlotStorage>,
  folder: string,
  below: Random,
): Promise<readonly ScheduledEntry[]> {
  const file = ({ id }: Parked): string => join(folder, String(id))
  const good = new Set(batch)
  for (const { slot, park } of batch) if (park) await engine.save?.(slot, file(park), park.tokens)
  for (const entry of batch) {
    if (entry.restore === undefined) continue
    if (below(5) !== 0) await engine.load?.(entry.slot, file(entry.restore), entry.restore.tokens)
    else {
      scheduler.retract(entry)
      good.delete(entry)
    }
  }
  return batch.filter((entry) => good.has(entry))
}

/** Waiting, in prefill, running or in a forward pass: any may leave. */
function cancelOne(
  sequences: readonly Sequence[],
  later: readonly Sequence[],
  scheduler: Scheduler,
  frozen: Map<Sequence, number>,
  below: Random,
): void {
  const victim = sequences[below(sequences.length)]
  if (victim === undefined || later.includes(victim) || victim.end !== undefined) return
  scheduler.finish(victim, 'cancelled')
  frozen.set(victim, victim.tokens.length)
}

export const roomy = (limits: EngineLimits): EngineLimits => ({
  ...limits,
  slots: 1,
  batchTokens: limits.contextSize,
})
