import { createHash } from 'node:crypto'
import {
  accessSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readSync,
  statfsSync,
  statSync,
} from 'node:fs'
import type { Config } from '../config/schema.ts'
import type { EngineInit } from '../protocol/engine-messages.ts'
import { memoryLimit } from './memory-limit.ts'
import { bytesIn, parkingFolder, removeAbandoned } from './parking-folder.ts'

/** Part of the memory that parked prefixes may take by default. */
const DEFAULT_SHARE = 0.1
/** Part of the free space that they may take: others use the place, too. */
const MAX_SHARE_OF_FREE = 0.8
const MIN_BYTES = 32 * 2 ** 20
const END_BYTES = 2 ** 20
const MEMORY_FOLDER = '/dev/shm'

/**
 * The place of parked prefixes: a folder of the operator's, in which they outlive the server, or a memory file system. Within the
 * container's memory and the free space there; undefined when that is too little.
 */
export function parkingSpace(
  { prefixCache, kvCacheRam, kvCacheDir, kvCacheType, flashAttention }: Config,
  modelFile: string,
): EngineInit['parking'] {
  if (!prefixCache || kvCacheRam === 0) return undefined
  const folder = kvCacheDir ?? MEMORY_FOLDER
  const wanted = kvCacheRam === -1 ? DEFAULT_SHARE * memoryLimit() : kvCacheRam * 2 ** 20
  try {
    if (kvCacheDir !== undefined) mkdirSync(kvCacheDir, { recursive: true, mode: 0o700 })
    accessSync(folder, constants.W_OK)
    const keepAs =
      kvCacheDir === undefined ? undefined : identity(modelFile, `${kvCacheType} ${flashAttention}`)
    // What earlier servers have left is room: theirs is removed, and what this one has kept counts as its own.
    if (keepAs === undefined) removeAbandoned(folder, process.pid)
    const { bavail, bsize } = statfsSync(folder)
    const free = bavail * bsize + bytesIn(parkingFolder({ folder, keepAs }, process.pid))
    const bytes = Math.floor(Math.min(wanted, MAX_SHARE_OF_FREE * free))
    return bytes < MIN_BYTES ? undefined : { folder, bytes, keepAs }
  } catch {
    return undefined
  }
}

/** Name of all that a saved slot is good for: weights (known by both ends of their file), layout of the KV cache, and engine. */
function identity(modelFile: string, layout: string): string {
  const { size } = statSync(modelFile)
  const hash = createHash('sha256')
  const file = openSync(modelFile, 'r')
  try {
    for (const start of [0, Math.max(0, size - END_BYTES)]) {
      const end = Buffer.alloc(Math.min(END_BYTES, size))
      readSync(file, end, 0, end.length, start)
      hash.update(end)
    }
  } finally {
    closeSync(file)
  }
  return `node-llama-cpp 3.22.1 ${layout} ${size} ${hash.digest('hex')}`
}
