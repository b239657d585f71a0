import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'

/** Paths at which Linux shows control groups. */
export interface ControlGroups {
  /** Folder at which they are mounted. */
  readonly root: string
  /** File that names the groups of this process. */
  readonly own: string
}

const LINUX: ControlGroups = { root: '/sys/fs/cgroup', own: '/proc/self/cgroup' }

/** Cores this process may use: the affinity mask, and on Linux the CPU quotas of its control groups. At least 1. */
export function freeCores(groups = LINUX, machine = availableParallelism()): number {
  return Math.max(1, Math.min(machine, ...foldersOf(groups).map(quotaOf)))
}

/**
 * Folders whose quota counts: of the process's own group, and of each above it. A container may see its path as it is outside,
 * while only the end of that path is mounted, at the root.
 */
function foldersOf({ root, own }: ControlGroups): string[] {
  const folders = new Set([root, join(root, 'cpu'), join(root, 'cpu,cpuacct')])
  for (const line of read(own).split('\n').filter(Boolean)) {
    const [, controllers = '', ...path] = line.split(':')
    if (controllers !== '' && !controllers.split(',').includes('cpu')) continue
    // Version 2 has one tree for all of them, version 1 one for each, or for some together.
    const trees = controllers === '' ? [root] : ['cpu', controllers].map((name) => join(root, name))
    const parts = path.join(':').split('/').filter(Boolean)
    for (const tree of trees)
      for (let depth = 1; depth <= parts.length; depth++) folders.add(join(tree, ...parts.slice(0, depth)))
  }
  return [...folders]
}

/** Whole cores of a group's quota; infinite without one. */
function quotaOf(folder: string): number {
  const value = (name: string): string => read(join(folder, name)).trim()
  // Version 2: `max` or a time, and its period. Version 1: a file each, and -1 for none.
  const latest = value('cpu.max') || `${value('cpu.cfs_quota_us')} ${value('cpu.cfs_period_us')}`
  const [limit = Number.NaN, period = Number.NaN] = latest.split(' ').map(Number)
  return limit > 0 && period > 0 ? Math.floor(limit / period) : Number.POSITIVE_INFINITY
}

/** A file's text; empty where there is no such file. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
