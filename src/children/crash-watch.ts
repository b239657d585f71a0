import type { Loss } from './supervised-child.ts'

/** So many crashes of children are met by restarts. */
const MOST_CRASHES = 5
/** A start may fail for a while: memory of the one before is not given back at once. */
const MOST_FAILED_STARTS = 20
const WINDOW_MS = 300_000

/** Sees the children crash, and says when it is no use to start them once more. */
export class CrashWatch {
  /** Resolves, to the reason, when there is no more hope. */
  readonly hopeless: Promise<string>
  #resolve: (reason: string) => void = () => undefined
  #crashes: readonly number[] = []
  #failedStarts: readonly number[] = []

  constructor() {
    this.hopeless = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  onCrash({ reason, served }: Pick<Loss, 'reason' | 'served'>, now = performance.now()): void {
    if (served) this.#crashes = withNext(this.#crashes, now)
    else this.#failedStarts = withNext(this.#failedStarts, now)
    const last = `within ${WINDOW_MS / 60_000} minutes; the last: ${reason}`
    if (this.#crashes.length >= MOST_CRASHES) this.giveUp(`${MOST_CRASHES} crashes ${last}`)
    else if (this.#failedStarts.length >= MOST_FAILED_STARTS)
      this.giveUp(`${MOST_FAILED_STARTS} failed starts ${last}`)
  }

  /** For a reason that is no crash. */
  giveUp(reason: string): void {
    this.#resolve(reason)
  }
}

/** Those within the window that ends now. */
function withNext(times: readonly number[], now: number): number[] {
  return [...times.filter((time) => now - time < WINDOW_MS), now]
}
