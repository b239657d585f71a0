import { createHash, type Hash } from 'node:crypto'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** Bytes that are read from each end of a file: a header, and weights. To read all of a large model would take minutes. */
const SAMPLE = 1024 * 1024

/**
 * Fingerprint of all that an answer depends on beside its request: equal on servers that have the same files, the same engine and the same
 * settings. Of the files it reads the size and both ends.
 */
export function fingerprint(files: readonly string[], settings: readonly unknown[]): string {
  const hash = createHash('sha256').update(JSON.stringify(settings))
  for (const file of files) addFile(file, hash)
  return `fp_${hash.digest('hex').slice(0, 12)}`
}

function addFile(path: string, hash: Hash): void {
  const file = openSync(path, 'r')
  try {
    const { size } = fstatSync(file)
    hash.update(String(size))
    const sample = Buffer.alloc(Math.min(SAMPLE, size))
    for (const at of [0, size - sample.length]) {
      hash.update(sample.subarray(0, readSync(file, sample, 0, sample.length, at)))
    }
  } finally {
    closeSync(file)
  }
}
