import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** Cores this process may use: the affinity mask, and on Linux the cgroup's CPU quota. At least 1. */
export function freeCores(quotaFile = '/sys/fs/cgroup/cpu.max'): number {
  return Math.max(1, Math.min(availableParallelism(), quota(quotaFile)))
}

function quota(file: string): number {
  try {
    const [limit, period] = readFileSync(file, 'utf8').trim().split(' ').map(Number)
    const cores = Math.floor((limit ?? Number.NaN) / (period ?? Number.NaN))
    return Number.isFinite(cores) ? cores : Number.POSITIVE_INFINITY
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
