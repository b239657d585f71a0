import type { Measurement } from '../measurement.ts'
import { groupsOf, type Workload } from '../workload/workload.ts'
import { pairedRatio, type Ratio } from './ratio.ts'
import { type ServiceObjective, type Summary, summarize } from './statistics.ts'

/** One workload, once, on one server. */
export interface Run {
  readonly workload: string
  readonly server: string
  readonly round: number
  /** ISO 8601. */
  readonly startedAt: string
  readonly measurements: readonly Measurement[]
}

/** Measurements of one server: an entry for each round. */
type Rounds = readonly (readonly Measurement[])[]

export interface ServerResult {
  readonly server: string
  readonly rounds: Rounds
  readonly summary: Summary
  readonly byRound: readonly Summary[]
}

/** One group of one workload on every server; the first server is the base of all ratios. */
export interface GroupResult {
  readonly workload: string
  readonly description: string
  readonly group: string
  readonly servers: readonly ServerResult[]
}

export interface ServerStats {
  readonly name: string
  readonly target: { readonly baseUrl: string; readonly model: string }
  /** By name, with the unit in it. */
  readonly stats: Readonly<Record<string, number>>
}

/** Everything a bench has found. */
export interface Results {
  readonly groups: readonly GroupResult[]
  readonly runs: readonly Run[]
  readonly servers: readonly ServerStats[]
}

export function resultsOf(
  workload: Workload,
  runs: readonly Run[],
  servers: readonly string[],
  objective: ServiceObjective,
): GroupResult[] {
  const { name, description } = workload
  const mine = runs.filter((run) => run.workload === name)
  return groupsOf(workload).map((group) => ({
    workload: name,
    description,
    group,
    servers: servers.map((server) => serverResult(server, roundsOf(mine, server, group), objective)),
  }))
}

function roundsOf(runs: readonly Run[], server: string, group: string): Rounds {
  return runs
    .filter((run) => run.server === server)
    .map(({ measurements }) => measurements.filter((one) => one.group === group))
}

function serverResult(server: string, rounds: Rounds, objective: ServiceObjective): ServerResult {
  const byRound = rounds.map((round) => summarize([round], objective))
  return { server, rounds, summary: summarize(rounds, objective), byRound }
}

/** Base over peer of one number of the summary. */
export function ratioOf(base: ServerResult, peer: ServerResult, number: (summary: Summary) => number): Ratio {
  return pairedRatio(base.byRound.map(number), peer.byRound.map(number))
}
