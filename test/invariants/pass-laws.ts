import { sharedTokens } from '../../src/kvcache/prefix.ts'
import type { ScheduledEntry } from '../../src/scheduler/next-pass.ts'
import type { Sequence } from '../../src/scheduler/sequence.ts'
import type { Settings } from './case.ts'

/** Passes that streams which have just begun may sit out. */
export const PATIENCE = 2

/**
 * What is wrong with a pass that is about to run.
 * @param all sequences that the engine has, by arrival.
 * @param begun those that had a slot in a pass before.
 */
export function passComplaints(
  batch: readonly ScheduledEntry[],
  all: readonly Sequence[],
  begun: ReadonlySet<Sequence>,
  settings: Settings,
): string[] {
  // What was to be restored was all of it, and is lost.
  if (batch.length === 0) return []
  const present = all.filter(({ end }) => end === undefined)
  const pass = new Set(batch.map(({ sequence }) => sequence))
  return [
    ...decodePriority(batch, pass, present, settings),
    ...workConserving(batch, pass, present, settings),
    ...order(present, begun),
  ]
}

/** Running sequences get a token in each pass of their adapter; while all of them have only begun, they may sit out a few. */
function decodePriority(
  batch: readonly ScheduledEntry[],
  pass: ReadonlySet<Sequence>,
  present: readonly Sequence[],
  { prefill }: Settings,
): string[] {
  const adapter = batch[0]?.adapter
  const streams = present.filter(
    (one) => one.slot !== undefined && one.phase === 'decode' && one.adapter === adapter,
  )
  const absent = streams.filter((one) => !pass.has(one))
  // One that is in the pass has come back with all it had, and begins anew.
  const patient = prefill > 0 && streams.every(({ justBegan }) => justBegan)
  return absent
    .filter(({ satOut }) => !patient || satOut > PATIENCE)
    .map(({ id }) => `${id} generates, and is not in the pass`)
}

/** While a slot is free and the pass has room, nobody waits but for what another computes for both. */
function workConserving(
  batch: readonly ScheduledEntry[],
  pass: ReadonlySet<Sequence>,
  present: readonly Sequence[],
  { slots, batchTokens, prefill }: Settings,
): string[] {
  const adapter = batch[0]?.adapter
  const used = batch.reduce((sum, { tokens, draft = [] }) => sum + tokens.length + draft.length, 0)
  const holding = present.filter(({ slot }) => slot !== undefined)
  // Of those that left in the pass before, slots may be free that are not counted here: never the other way round.
  if (prefill > 0 || used >= batchTokens || holding.length >= slots) return []
  const waiting = present.filter(({ slot }) => slot === undefined)
  if (waiting.some((one) => one.adapter !== adapter)) return []
  // One whose restoring failed has left the pass, and its room unused.
  if (holding.some((one) => one.adapter === adapter && !pass.has(one))) return []
  // It looks past so many of those and no more.
  if (waiting.filter((one) => mayDefer(one, holding)).length >= slots) return []
  return waiting
    .filter((one) => !pass.has(one) && !mayDefer(one, holding))
    .map(({ id }) => `${id} waits, though ${slots - holding.length} slots are free`)
}

/** Of one tenant, priority, weight and adapter: first come, first served. */
function order(present: readonly Sequence[], begun: ReadonlySet<Sequence>): string[] {
  const complaints: string[] = []
  const holding = present.filter(({ slot }) => slot !== undefined)
  const fresh = new Set(holding.filter((one) => !begun.has(one)))
  for (const [index, one] of present.entries()) {
    if (one.slot !== undefined || mayDefer(one, holding)) continue
    const overtaker = present.slice(index + 1).find((other) => fresh.has(other) && alike(one, other))
    if (overtaker !== undefined) complaints.push(`${overtaker.id} has overtaken ${one.id}`)
  }
  return complaints
}

function alike(one: Sequence, other: Sequence): boolean {
  const { tenant, priority } = one.share
  return tenant === other.share.tenant && priority === other.share.priority && one.adapter === other.adapter
}

function mayDefer(one: Sequence, holding: readonly Sequence[]): boolean {
  return holding.some((other) => sharedTokens(one, other) > 0)
}
