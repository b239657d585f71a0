import { accessSync, constants, statfsSync } from 'node:fs'
import { totalmem } from 'node:os'

/** A folder whose files live in memory, and how many bytes of it may be used. */
export interface MemoryFolder {
  readonly folder: string
  readonly bytes: number
}

/** Part of the memory that prefixes outside of the slots may take when nothing is said. */
const DEFAULT_SHARE = 0.1
/** The folder is shared with whoever else uses it. */
const MOST_OF_FREE = 0.8
const LEAST_BYTES = 32 * 2 ** 20

/**
 * Where parked prefixes go: a memory file system, within the container's limit and what is free of it.
 * @param wantedMiB -1: a tenth of the memory. 0: nowhere.
 * @returns undefined when there is no such place, or too little of it to be of use.
 */
export function memoryFolder(wantedMiB: number, folder = '/dev/shm'): MemoryFolder | undefined {
  if (wantedMiB === 0) return undefined
  const wanted = wantedMiB === -1 ? DEFAULT_SHARE * memoryLimit() : wantedMiB * 2 ** 20
  try {
    accessSync(folder, constants.W_OK)
    const { bavail, bsize } = statfsSync(folder)
    const bytes = Math.floor(Math.min(wanted, MOST_OF_FREE * bavail * bsize))
    return bytes < LEAST_BYTES ? undefined : { folder, bytes }
  } catch {
    return undefined
  }
}

/** Bytes this process may use: the machine's, or the cgroup's where that is less. */
function memoryLimit(): number {
  const limit = process.constrainedMemory()
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem()
}
