import { constants } from 'node:fs'
import { access, readdir, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fetchFromHub, type HubOptions, parseHubSpec } from './hub/hub.ts'
import { ModelFileError } from './model-file-error.ts'
import { completeShards, groupModels, isProjector, splitName } from './shards.ts'

export interface LocatedModel {
  /** File that llama.cpp opens: the model, or its first shard. */
  readonly path: string
  /** Every file of the model, the first one included. */
  readonly shards: readonly string[]
  readonly displayName: string
}

// src/models/ and dist/models/ are both two below the package root.
const builtIn = fileURLToPath(new URL('../../models/altiplano-demo.gguf', import.meta.url))

/** Finds the model that `--model` names: a file, a directory, or `hf:OWNER/REPO:QUANT`; without it the built-in one. */
export async function locateModel(spec: string | undefined, hub: HubOptions): Promise<LocatedModel> {
  if (spec === undefined) return fromFile(builtIn)
  if (spec.startsWith('hf:')) {
    const repository = parseHubSpec(spec)
    return located(await fetchFromHub(repository, hub))
  }
  return locateLocal(spec)
}

/** Finds the model of a file or a directory. */
export async function locateLocal(spec: string): Promise<LocatedModel> {
  const path = resolve(spec)
  const stats = await reading(path, () => stat(path))
  if (stats.isDirectory()) return fromDirectory(path)
  if (!stats.isFile()) throw new ModelFileError(`${path}: is neither a file nor a directory.`)
  return fromFile(path)
}

/** Name of a model before it is located; for a directory that of the directory. */
export function modelDisplayName(spec: string | undefined): string {
  if (spec?.startsWith('hf:')) return parseHubSpec(spec).repository
  return nameOf(spec === undefined ? builtIn : resolve(spec))
}

function nameOf(path: string): string {
  const file = basename(path)
  return splitName(file)?.base ?? file.replace(/\.gguf$/i, '')
}

function located(shards: readonly string[]): LocatedModel {
  const [path = ''] = shards
  return { path, shards, displayName: nameOf(path) }
}

async function fromFile(path: string): Promise<LocatedModel> {
  await reading(path, () => access(path, constants.R_OK))
  if (!splitName(basename(path))) return located([path])
  const folder = resolve(path, '..')
  const names = await reading(folder, () => readdir(folder))
  return located(completeShards(basename(path), names).map((name) => join(folder, name)))
}

async function fromDirectory(folder: string): Promise<LocatedModel> {
  const models = groupModels(await ggufFiles(folder))
  const [only, ...others] = models
  if (only === undefined) {
    throw new ModelFileError(
      `${folder}: holds no .gguf file (looked one level deep; mmproj files do not count).`,
    )
  }
  if (others.length > 0) {
    const list = models.slice(0, 20).map((name) => `\n  ${join(folder, name)}`)
    throw new ModelFileError(
      `${folder}: holds ${models.length} models; name one with --model:${list.join('')}`,
    )
  }
  return fromFile(join(folder, only))
}

/** Paths of the models below a folder and the folders in it. */
async function ggufFiles(folder: string): Promise<string[]> {
  const entries = await reading(folder, () => readdir(folder, { withFileTypes: true }))
  const found: string[] = []
  for (const { name } of entries.sort((a, b) => a.name.localeCompare(b.name))) {
    // The mounts of Kubernetes volumes: ..data links to ..2026_11_23 and shows every file twice.
    if (name.startsWith('.')) continue
    const path = join(folder, name)
    // Not the entry's own type: mounted files are links.
    const stats = await stat(path).catch(() => undefined)
    if (stats?.isDirectory()) {
      const nested = await reading(path, () => readdir(path))
      found.push(...nested.sort().map((each) => join(name, each)))
    } else found.push(name)
  }
  return found.filter((path) => /\.gguf$/i.test(path) && !isProjector(path))
}

async function reading<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    throw new ModelFileError(`${path}: ${reasons.get(code) ?? String(error)}`, { cause: error })
  }
}

const reasons = new Map<unknown, string>([
  ['ENOENT', 'no such file or directory.'],
  ['ENOTDIR', 'no such file or directory.'],
  ['EACCES', 'this user may not read it.'],
  ['EPERM', 'this user may not read it.'],
  ['ELOOP', 'its links go in circles.'],
])
