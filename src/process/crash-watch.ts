import type { Loss } from './supervised-child.ts'

/** So many crashes of children are met by restarts. */
const MAX_CRASHES = 5
/** A start may fail for a while: memory of the one before is not given back at once. With the back-off so many take half a minute, and as many loads. */
const MAX_FAILED_STARTS = 10
const WINDOW_MS = 300_000

/** Sees the children crash, and says when it is no use to start them once more. */
export class CrashWatch {
  /** Resolves, to the reason, when there is no more hope. */
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

  /** For a reason that is no crash. */
  giveUp(reason: string): void {
    this.#resolve(reason)
  }
}
