import { percentile } from '../../bench/report/statistics.ts'
import { leaks } from '../soak/verdict.ts'
import type { Abuse } from './abusers.ts'
import type { AbuseReport, Turn } from './rounds.ts'

const LEAST_GOODPUT = 0.9
/** What a gateway may have more in memory when all is over: buffers that V8 keeps. */
const MOST_MORE_MB = 100

/** Of a server in which nothing is left; its drain would last for minutes. */
const MOST_DRAIN_MS = 30_000

/** Of what the good clients got without this kind of abuse, what they got beside it. */
export function goodputKept(turns: readonly Turn[], abuse: Abuse): number {
  const those = turns.filter((turn) => turn.abuse === abuse)
  const share = (when: 'with' | 'without'): number =>
    sum(those.map((turn) => turn[when].good)) / sum(those.map((turn) => turn[when].asked))
  return share('with') / share('without')
}

/** How much later the first tokens of the slowest hundredth came beside this kind of abuse. */
export function timesLater(turns: readonly Turn[], abuse: Abuse): number {
  const those = turns.filter((turn) => turn.abuse === abuse)
  const slowest = (when: 'with' | 'without'): number =>
    percentile(
      those.flatMap((turn) => turn[when].firstTokenMs),
      0.99,
    )
  return slowest('with') / slowest('without')
}

/** Empty: the abusers have harmed nobody, and left nothing. */
export function faultsOf({ before, turns, code, drainMs }: AbuseReport): string[] {
  const faults: string[] = []
  for (const abuse of new Set(turns.map((turn) => turn.abuse))) {
    const kept = goodputKept(turns, abuse)
    if (!(kept >= LEAST_GOODPUT))
      faults.push(`${abuse}: the others kept ${(100 * kept).toFixed(1)} % of their goodput`)
  }
  const last = turns.at(-1)?.after ?? before
  faults.push(...leaks(before, last))
  const moreMb = (last.rss.gateway ?? 0) - (before.rss.gateway ?? 0)
  if (moreMb > MOST_MORE_MB) faults.push(`the gateway has ${Math.round(moreMb)} MB more than before`)
  if (last.restarts > 0) faults.push(`${last.restarts} processes were replaced`)
  if (drainMs > MOST_DRAIN_MS) faults.push(`the idle server took ${Math.round(drainMs)} ms to end`)
  if (code !== 0) faults.push(`the server ended with ${code}`)
  return faults
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
