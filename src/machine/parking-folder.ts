import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

export interface ParkingPlace {
  readonly folder: string
  /**
   * Names all that a saved slot depends on (model, number formats, engine): prefixes that an earlier server parked under the same
   * name are used again. undefined: nothing outlives this server.
   */
  readonly keepAs: string | undefined
}

/** Folder of parked prefixes: one for each model where they are kept, so that servers may share the directory; else one a server. */
export function parkingFolder({ folder, keepAs }: ParkingPlace, server: number): string {
  if (keepAs === undefined) return join(folder, `altiplano-kv-${server}`)
  return join(folder, `altiplano-kept-${createHash('sha256').update(keepAs).digest('hex').slice(0, 16)}`)
}

/** Removes the folders of servers that are gone, and of earlier engines of this one. */
export function removeAbandoned(parent: string, self: number): void {
  for (const name of readdirSync(parent)) {
    const server = Number(/^altiplano-kv-(\d+)$/.exec(name)?.[1])
    const folder = join(parent, name)
    if (server === self || (server > 0 && !lives(server))) {
      if (isOwn(folder)) rmSync(folder, { recursive: true, force: true })
    }
  }
}

/** Bytes of the files in a folder; 0 where there is none. */
export function bytesIn(folder: string): number {
  if (!isOwn(folder)) return 0
  return readdirSync(folder).reduce((sum, name) => {
    return sum + (lstatSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0)
  }, 0)
}

/** Another user's folder, or a link to somewhere, is not ours to write to or to remove. */
export function isOwn(folder: string): boolean {
  const stats = lstatSync(folder, { throwIfNoEntry: false })
  return stats?.isDirectory() === true && stats.uid === process.getuid?.() && (stats.mode & 0o077) === 0
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}
