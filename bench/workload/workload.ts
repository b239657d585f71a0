/** What a server is asked to do, without a text or a token: the same plan drives real servers and the scheduler alone. */
export interface Turn {
  /** New tokens of the user in this turn; what came before is sent as well. */
  readonly promptTokens: number
  /** Exact: max_tokens, with the end of sequence ignored. */
  readonly outputTokens: number
}

/** Text that several sessions start with. */
export interface SharedPrefix {
  readonly seed: number
  readonly tokens: number
}

/** Turns sent one after another, each with all before it. A single request is a session of one turn. */
export interface Session {
  /** Sessions of a workload that are reported apart. */
  readonly group: string
  /** The content of its prompts. */
  readonly seed: number
  /** When its first turn is sent, in ms from the start. Without meaning in a closed loop. */
  readonly atMs: number
  readonly prefix: SharedPrefix | undefined
  readonly turns: readonly Turn[]
}

export interface Workload {
  readonly name: string
  readonly description: string
  /** Closed loop: so many sessions at a time, the next when one ends. Undefined: open loop, each session at its moment. */
  readonly streams: number | undefined
  readonly sessions: readonly Session[]
}

/** In order of first appearance. */
export function groupsOf({ sessions }: Workload): string[] {
  return [...new Set(sessions.map(({ group }) => group))]
}

export function requestsOf({ sessions }: Workload): number {
  return sessions.reduce((sum, { turns }) => sum + turns.length, 0)
}
