/** Milliseconds between two beats of the clock. */
const BEAT_MS = 500

let awakeMs = 0
let lastBeat = performance.now()
let beats: NodeJS.Timeout | undefined

/** Milliseconds awake since the last beat: a beat of 500 ms that comes after 30 s counts as 1 s, and the rest as standstill. */
function sinceLastBeat(): number {
  return Math.min(performance.now() - lastBeat, 2 * BEAT_MS)
}

function beat(): void {
  awakeMs += sinceLastBeat()
  lastBeat = performance.now()
}

/**
 * Milliseconds, monotonic, for which this process has been awake: its event loop turned. While the loop is blocked, the process
 * is stopped, or the machine sleeps or has no CPU for it, this clock stands still (but for a second). Timeouts for another
 * process go by it: after a standstill its messages may be there and not read yet.
 */
export function awakeNow(): number {
  if (beats === undefined) {
    lastBeat = performance.now()
    beats = setInterval(beat, BEAT_MS)
    beats.unref()
  }
  return awakeMs + sinceLastBeat()
}

/**
 * Calls `over` when this process has been awake for `ms` and has read what had arrived by then. Returns a function that cancels
 * the call. Does not keep the process alive.
 */
export function whenAwakeFor(ms: number, over: () => void): () => void {
  const until = awakeNow() + ms
  let timer: NodeJS.Timeout
  let afterReads: NodeJS.Immediate | undefined
  const look = (): void => {
    const leftMs = until - awakeNow()
    if (leftMs > 0) wait(leftMs)
    // Timers run before sockets are read, immediates after.
    else afterReads = setImmediate(over)
  }
  const wait = (leftMs: number): void => {
    timer = setTimeout(look, Math.ceil(leftMs))
    timer.unref()
  }
  wait(ms)
  return () => {
    clearTimeout(timer)
    if (afterReads !== undefined) clearImmediate(afterReads)
  }
}
