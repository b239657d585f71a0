import { awakeNow } from '../base/awake-clock.ts'
import type { ChildFrame } from './child-channel.ts'
import type { CpuUse } from './cpu-time.ts'

/** How long a child may show nothing, in milliseconds for which its supervisor was awake. */
export interface Patience {
  /** A child from which nothing is heard for so long is killed. Default 14 s: with the watchdog's own half a second, a hang is found within 15 s. */
  readonly heartbeatTimeoutMs?: number
  /** A child that is busy and makes no progress for so long is killed. Default 3 min: a step of a large model on a slow CPU is long. */
  readonly progressTimeoutMs?: number
  /** A child that is not ready after so long is killed. Default 10 min: large models load slowly. */
  readonly startTimeoutMs?: number
}

/** A silent process that computes, and got less of a core than this, is starved and not hung. */
const STARVED_SHARE = 0.02

/**
 * What one life of a child shows of itself. Whether it hangs is told by the time for which this process was awake, and by the CPU
 * that the child got: a standstill of the supervisor or of the machine is none of the child's.
 */
export class VitalSigns {
  readonly #patience: Patience
  readonly #cpuUse: () => CpuUse | undefined
  readonly #startedAt = awakeNow()
  #heardAt = this.#startedAt
  #progressedAt = this.#startedAt
  #progress = -1
  /** The CPU that it had used when half of its time to show a sign of life was over. */
  #usedWhenQuiet: number | undefined

  /** @param cpuUse of the child. */
  constructor(patience: Patience, cpuUse: () => CpuUse | undefined) {
    this.#patience = patience
    this.#cpuUse = cpuUse
  }

  get ageMs(): number {
    return awakeNow() - this.#startedAt
  }

  hear(frame: ChildFrame): void {
    this.#heardAt = awakeNow()
    this.#usedWhenQuiet = undefined
    if (frame.kind !== 'heartbeat' || !frame.busy || frame.progress !== this.#progress)
      this.#progressedAt = this.#heardAt
    if (frame.kind === 'heartbeat') this.#progress = frame.progress
  }

  /** Why this life should end now; undefined while it is well. To be asked when what has arrived has been read. */
  hang(ready: boolean): string | undefined {
    const {
      heartbeatTimeoutMs = 14_000,
      progressTimeoutMs = 180_000,
      startTimeoutMs = 600_000,
    } = this.#patience
    const now = awakeNow()
    // While it starts a child may be deep in native code: the file is read, the weights are placed.
    if (!ready) return this.ageMs > startTimeoutMs ? `not ready after ${startTimeoutMs} ms` : undefined
    const silentMs = now - this.#heardAt
    const waitsForCpu = silentMs <= progressTimeoutMs && this.#isStarved(silentMs / 2)
    if (silentMs > heartbeatTimeoutMs && !waitsForCpu) return `no sign of life for ${Math.round(silentMs)} ms`
    if (silentMs > heartbeatTimeoutMs / 2) this.#usedWhenQuiet ??= this.#cpuUse()?.usedMs
    const stalledMs = now - this.#progressedAt
    return stalledMs > progressTimeoutMs ? `no progress for ${Math.round(stalledMs)} ms` : undefined
  }

  /** It would compute if the machine let it. @param ms for which it has been looked at. */
  #isStarved(ms: number): boolean {
    if (this.#usedWhenQuiet === undefined) return false
    const use = this.#cpuUse()
    return use?.computes === true && use.usedMs - this.#usedWhenQuiet < STARVED_SHARE * ms
  }
}
