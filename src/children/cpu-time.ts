import { readFileSync } from 'node:fs'

/** Linux: the unit of /proc/PID/stat, USER_HZ. */
const TICK_MS = 10

/** Milliseconds of CPU that a process has used so far; undefined where nobody tells: it is gone, or this is not Linux. */
export function cpuTimeMs(pid: number | undefined): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is the name, in parentheses, and may hold anything.
    const [, , , , , , , , , , , user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return TICK_MS * (Number(user) + Number(system))
  } catch {
    return undefined
  }
}
