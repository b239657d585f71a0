import { readFileSync } from 'node:fs'

/** Linux: the unit of /proc/PID/stat, USER_HZ. */
const TICK_MS = 10

export interface CpuUse {
  /** Milliseconds of CPU that the process has used so far. */
  readonly usedMs: number
  /** Whether it computes, or would if the machine let it: it does not wait for anybody, and is not stopped. */
  readonly computes: boolean
}

/** Undefined where nobody tells: the process is gone, or this is not Linux. */
export function cpuUse(pid: number | undefined): CpuUse | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is the name, in parentheses, and may hold anything.
    const [state = '', , , , , , , , , , , user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // Running or in line for it; or waiting for a disk, from which memory may have to be read back.
    return { usedMs: TICK_MS * (Number(user) + Number(system)), computes: 'RD'.includes(state) }
  } catch {
    return undefined
  }
}
