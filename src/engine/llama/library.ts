import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { getLlama, type Llama, type LlamaGpuType, LlamaLogLevel } from 'node-llama-cpp'
import { libraryFolder, prebuiltBinary, requireFresh } from './binary.ts'

export interface LibraryOptions {
  /** `auto`: the best that is there. False: llama.cpp does not look for a GPU. Else the backend that findGpu() found. */
  readonly gpu: string | false
  /** Threads of a pass at most. Default: node-llama-cpp's. */
  readonly threads?: number
}

/**
 * node-llama-cpp with its classes, on the llama.cpp that came with it or was built in it: nothing is built or fetched here.
 *
 * getLlama() forks a process that tries a prebuilt binary first, so that a wrong one takes only that with it; it costs 0.3 s and more.
 * The caller is a child process, whose end its supervisor notices and reports: the usual binaries are opened at once.
 */
export async function loadLlama({ gpu, threads }: LibraryOptions): Promise<Llama> {
  const backend = gpu === 'auto' ? 'cuda' : gpu
  const llama = await createLlama(backend, threads).catch(() => undefined)
  if (llama?.gpu === backend) return llama
  await llama?.dispose()
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

async function createLlama(gpu: string | false, threads: number | undefined): Promise<Llama | undefined> {
  const binary = prebuiltBinary(gpu)
  if (binary === undefined) return undefined
  const module = await import(pathToFileURL(join(libraryFolder(), 'bindings', 'Llama.js')).href)
  const { _create: create } = module.Llama as PrivateLlama
  const buildMetadata: unknown = JSON.parse(
    await readFile(join(binary.folder, '_nlcBuildMetadata.json'), 'utf8'),
  )
  return create.call(module.Llama, {
    bindings: requireFresh(binary.addon),
    bindingPath: binary.addon,
    extBackendsPath: binary.extensions,
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
