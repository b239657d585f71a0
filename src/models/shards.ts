import { posix } from 'node:path'
import { ModelFileError } from './model-file-error.ts'

interface SplitName {
  readonly base: string
  readonly count: number
}

/** The parts of a split model's file name, `base-00001-of-00003.gguf`. */
export function splitName(file: string): SplitName | undefined {
  const match = /^(.+)-\d{5}-of-(\d{5})\.gguf$/.exec(file)
  const [, base, count] = match ?? []
  return base === undefined ? undefined : { base, count: Number(count) }
}

/** Names of all shards of a shard's model, in order. @throws ModelFileError that lists those missing among `names`. */
export function completeShards(shard: string, names: readonly string[]): string[] {
  const split = splitName(shard)
  if (!split) return [shard]
  if (split.count < 1 || split.count > 1000)
    throw new ModelFileError(`${shard}: has an impossible shard count.`)
  const digits = (value: number): string => String(value).padStart(5, '0')
  const wanted = Array.from(
    { length: split.count },
    (_, index) => `${split.base}-${digits(index + 1)}-of-${digits(split.count)}.gguf`,
  )
  const missing = wanted.filter((name) => !names.includes(name))
  if (missing.length > 0) {
    throw new ModelFileError(
      `${split.base}: of ${split.count} shards these are missing: ${missing.join(', ')}.`,
    )
  }
  return wanted
}

/** One path for each model; for a split one that of a shard that is there. */
export function groupModels(paths: readonly string[]): string[] {
  const models = new Map<string, string>()
  for (const path of paths) {
    const split = splitName(path)
    const key = split ? `${split.base}/${split.count}` : path
    if (!models.has(key)) models.set(key, path)
  }
  return [...models.values()]
}

/** Whether a file is a vision projector, which lies beside the model that it belongs to. */
export const isProjector = (path: string): boolean => /mmproj/i.test(posix.basename(path))
