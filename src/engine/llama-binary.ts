import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { getLlama, type Llama, type LlamaGpuType, LlamaLogLevel } from 'node-llama-cpp'

export interface BinaryOptions {
  /** `auto`: the best that is there. False: llama.cpp does not look for a GPU. Else the backend that findGpu() found. */
  readonly gpu: 'auto' | false | string
  /** The most threads of a pass. Default: node-llama-cpp's. */
  readonly threads?: number
}

/**
 * The llama.cpp that came with the package, or was built in it: nothing is built or fetched here.
 *
 * getLlama() forks a process that tries a prebuilt binary first, so that a wrong one takes only that with it; it costs 0.3 s and more.
 * Whoever calls this is a child, whose end is noticed and told: the usual binaries are opened at once.
 */
export async function loadLlama({ gpu, threads }: BinaryOptions): Promise<Llama> {
  if (process.platform === 'linux') {
    for (const backend of gpu === 'auto' ? ['cuda'] : gpu === false || gpu === 'cuda' ? [gpu] : []) {
      const llama = await openPrebuilt(backend, threads).catch(() => undefined)
      if (llama?.gpu === backend) return llama
      await llama?.dispose()
    }
  }
  return getLlama({
    gpu: gpu as 'auto' | LlamaGpuType,
    build: 'never',
    logLevel: LlamaLogLevel.error,
    ...(threads !== undefined && { maxThreads: threads }),
  })
}

/** node-llama-cpp 3.22.1: what getLlama() calls in the end. */
interface PrivateLlama {
  _create(options: Readonly<Record<string, unknown>>): Promise<Llama>
}

/** Undefined where the package is not laid out as expected, or has a build of its own that should be taken. */
async function openPrebuilt(gpu: string | false, threads: number | undefined): Promise<Llama | undefined> {
  const require = createRequire(import.meta.url)
  const dist = dirname(require.resolve('node-llama-cpp'))
  const name = `${process.platform}-${process.arch}${gpu === false ? '' : `-${gpu}`}`
  const packages = join(dist, '..', '..', '@node-llama-cpp')
  const folder = join(packages, name, 'bins', name)
  const binary = join(folder, 'llama-addon.node')
  if (!existsSync(binary) || existsSync(join(dist, '..', 'llama', 'localBuilds'))) return undefined
  const module = await import(pathToFileURL(join(dist, 'bindings', 'Llama.js')).href)
  const { _create: create } = module.Llama as PrivateLlama
  const buildMetadata: unknown = JSON.parse(await readFile(join(folder, '_nlcBuildMetadata.json'), 'utf8'))
  return create.call(module.Llama, {
    bindings: openFresh(require, binary),
    bindingPath: binary,
    // Backends for older drivers, where they are installed.
    extBackendsPath: gpu === false ? undefined : join(packages, `${name}-ext`, 'bins', name),
    buildType: 'prebuilt',
    buildMetadata,
    logLevel: LlamaLogLevel.error,
    logger: module.Llama.defaultConsoleLogger,
    vramPadding: (total: number) => Math.floor(Math.min(total * 0.06, 2 ** 30)),
    ramPadding: (total: number) => Math.floor(Math.min(total / 4, 2 ** 30)),
    maxThreads: threads,
    skipLlamaInit: false,
    debug: false,
    numa: false,
    tempDir: false,
  })
}

/** Each Llama has settings of its own in its addon. */
function openFresh(require: NodeJS.Require, path: string): unknown {
  delete require.cache[path]
  const bindings: unknown = require(path)
  delete require.cache[path]
  return bindings
}
