import { awakeNow } from '../base/awake-clock.ts'
import type { ChildFrame } from './child-channel.ts'
import type { CpuUse } from './cpu-time.ts'

/** Timeouts for a child's signs of life, in milliseconds for which its supervisor was awake. */
export interface Patience {
  /** A child that sends nothing for so long is killed. Default 14 s: with the watchdog's half a second a hang is found within 15 s. */
  readonly heartbeatTimeoutMs?: number
  /** A child that is busy and makes no progress for so long is killed. Default 3 min: a step of a large model on a slow CPU is long. */
  readonly progressTimeoutMs?: number
  /** A child that is not ready after so long is killed. Default 10 min: large models load slowly. */
  readonly startTimeoutMs?: number
}

/** Share of a core below which a silent process that computes is starved and not hung. */
const STARVED_SHARE = 0.02

/**
 * Signs of life of one life of a child. It hangs by the time for which this process was awake, and by the CPU that the child got: a
 * standstill of the supervisor or of the machine is no hang of the child.
 */
export class VitalSigns {
  readonly #patience: Patience
  readonly #cpuUse: () => CpuUse | undefined
  readonly #startedAt = awakeNow()
  #lastFrameAt = this.#startedAt
  #progressedAt = this.#startedAt
  #progress = -1
  /** CPU that the child had used when half of its heartbeat timeout was over. */
  #usedWhenQuiet: number | undefined

  /** @param cpuUse reads the child's CPU use. */
  constructor(patience: Patience, cpuUse: () => CpuUse | undefined) {
    this.#patience = patience
    this.#cpuUse = cpuUse
  }

  get ageMs(): number {
    return awakeNow() - this.#startedAt
  }

  onFrame(frame: ChildFrame): void {
    this.#lastFrameAt = awakeNow()
    this.#usedWhenQuiet = undefined
    if (frame.kind !== 'heartbeat' || !frame.busy || frame.progress !== this.#progress)
      this.#progressedAt = this.#lastFrameAt
    if (frame.kind === 'heartbeat') this.#progress = frame.progress
  }

  /** Why this life should end now; undefined while it is well. To be called when all messages that have arrived were read. */
  hang(ready: boolean): string | undefined {
    const {
      heartbeatTimeoutMs = 14_000,
      progressTimeoutMs = 180_000,
      startTimeoutMs = 600_000,
    } = this.#patience
    const now = awakeNow()
    // While it starts a child may be deep in native code: the file is read, the weights are placed.
    if (!ready) return this.ageMs > startTimeoutMs ? `not ready after ${startTimeoutMs} ms` : undefined
    const silentMs = now - this.#lastFrameAt
    const waitsForCpu = silentMs <= progressTimeoutMs && this.#isStarved(silentMs / 2)
    if (silentMs > heartbeatTimeoutMs && !waitsForCpu) return `no sign of life for ${Math.round(silentMs)} ms`
    if (silentMs > heartbeatTimeoutMs / 2) this.#usedWhenQuiet ??= this.#cpuUse()?.usedMs
    const stalledMs = now - this.#progressedAt
    return stalledMs > progressTimeoutMs ? `no progress for ${Math.round(stalledMs)} ms` : undefined
  }

  /** Whether the child would compute if it got a core. @param ms for which it has been watched. */
  #isStarved(ms: number): boolean {
    if (this.#usedWhenQuiet === undefined) return false
    const use = this.#cpuUse()
    return use?.computes === true && use.usedMs - this.#usedWhenQuiet < STARVED_SHARE * ms
  }
}
