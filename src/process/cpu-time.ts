import { readFileSync } from 'node:fs'

/** Milliseconds of a tick in Linux's /proc/PID/stat: USER_HZ. */
const TICK_MS = 10

export interface CpuUse {
  /** Milliseconds of CPU that the process has used so far. */
  readonly usedMs: number
  /** Whether it computes, or would if it got a core: it waits for nothing, and is not stopped. */
  readonly computes: boolean
}

/** The CPU use of a process; undefined where it is gone, or this is not Linux. */
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
