import type { Loss } from './supervised-child.ts'

/** Crashes within the window after which children are not restarted any more. */
const MAX_CRASHES = 5
/**
 * Failed starts in a row after which children are not restarted any more. A start may fail for a while: memory of the process
 * before is not given back at once. With the back-off ten take half a minute, and the time of ten loads.
 */
const MAX_FAILED_STARTS = 10
const WINDOW_MS = 300_000

/** Counts crashes of children, and decides when restarts are hopeless. */
export class CrashWatch {
  /** Resolves to the reason when restarts are hopeless. */
  readonly hopeless: Promise<string>
  #resolve: (reason: string) => void = () => undefined
  #crashes: readonly number[] = []

  constructor() {
    this.hopeless = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  onCrash(
    { reason, served, failedStarts }: Pick<Loss, 'reason' | 'served' | 'failedStarts'>,
    now = performance.now(),
  ): void {
    if (failedStarts >= MAX_FAILED_STARTS)
      this.giveUp(`${failedStarts} starts in a row failed; the last: ${reason}`)
    if (!served) return
    this.#crashes = [...this.#crashes.filter((time) => now - time < WINDOW_MS), now]
    if (this.#crashes.length >= MAX_CRASHES)
      this.giveUp(`${MAX_CRASHES} crashes within ${WINDOW_MS / 60_000} minutes; the last: ${reason}`)
  }

  /** Declares restarts hopeless for a reason that is no crash. */
  giveUp(reason: string): void {
    this.#resolve(reason)
  }
}
