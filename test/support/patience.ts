import { setTimeout as pause } from 'node:timers/promises'

/**
 * How long a test waits for what is bound to happen, in milliseconds. On a machine with a load of eight all of it takes ten times as long:
 * such a limit tells what never happens from what does, not fast from slow.
 */
export const PATIENCE = 60_000

/** Tells the milliseconds of CPU that this process has used since: what a clock tells depends on what else the machine does. */
export function cpuWatch(): () => number {
  const before = process.cpuUsage()
  return () => {
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  }
}

/** @throws Error where it does not come true in all that time. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not true in ${PATIENCE} ms: ${String(condition)}`)
    await pause(10)
  }
}
