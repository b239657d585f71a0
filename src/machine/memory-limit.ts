import { totalmem } from 'node:os'

/** Bytes this process may use: the machine's, or the cgroup's where that is less. Node reads those of both versions of cgroups. */
export function memoryLimit(): number {
  const limit = process.constrainedMemory()
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem()
}
