import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** Paths of a llama.cpp that came prebuilt with node-llama-cpp 3.22.1. */
export interface PrebuiltBinary {
  /** node-llama-cpp's addon. */
  readonly addon: string
  /** Folder of the addon and llama.cpp's backends. */
  readonly folder: string
  /** Folder of backends for older drivers, where they are installed. */
  readonly extensions: string | undefined
}

const require = createRequire(import.meta.url)

/** The folder of node-llama-cpp's compiled JavaScript. */
function libraryFolder(): string {
  return dirname(require.resolve('node-llama-cpp'))
}

/** The prebuilt binary for a backend; undefined outside Linux, or where a build of this machine's own goes before it. */
export function prebuiltBinary(gpu: string | false): PrebuiltBinary | undefined {
  if (process.platform !== 'linux') return undefined
  const library = libraryFolder()
  const name = `${process.platform}-${process.arch}${gpu === false ? '' : `-${gpu}`}`
  const packages = join(library, '..', '..', '@node-llama-cpp')
  const folder = join(packages, name, 'bins', name)
  const addon = join(folder, 'llama-addon.node')
  if (!existsSync(addon) || existsSync(join(library, '..', 'llama', 'localBuilds'))) return undefined
  return {
    addon,
    folder,
    extensions: gpu === false ? undefined : join(packages, `${name}-ext`, 'bins', name),
  }
}

/** Loads an addon anew, so that each caller has settings of its own in it. */
export function requireFresh(path: string): unknown {
  delete require.cache[path]
  const addon: unknown = require(path)
  delete require.cache[path]
  return addon
}
