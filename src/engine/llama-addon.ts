import { join } from 'node:path'
import { prebuiltBinary, requireFresh } from './llama-binary.ts'

/** node-llama-cpp 3.22.1: what its addon gives, as far as it is used here. */
export interface Addon {
  readonly AddonModel: new (path: string, options: Readonly<Record<string, unknown>>) => AddonModel
  readonly AddonContext: new (model: AddonModel, options: Readonly<Record<string, unknown>>) => AddonContext
  /** False: the CPU alone. Undefined: no backend is loaded. */
  getGpuType(): string | false | undefined
  getGpuDeviceInfo(): { readonly deviceNames: string[] }
  /** Bytes, of all devices together. */
  getGpuVramInfo(): { readonly total: number; readonly used: number; readonly unifiedSize: number }
  getSupportsMmap(): boolean
  /** llama.cpp: the number of a ggml type, by its name in capitals. */
  getGgmlType(name: string): number | undefined
  getIsArchRecurrent(architecture: string): boolean | undefined
  getIsArchHybrid(architecture: string): boolean | undefined
  markLoaded(): boolean
  setLogger(logger: (level: number, message: string) => void): void
  setLoggerLogLevel(level: number): void
  loadBackends(folder?: string): void
  ensureGpuDeviceIsSupported(): void
  init(): Promise<void>
  dispose(): Promise<void>
}

export interface AddonModel {
  /** False: llama.cpp could not load it, and wrote why. */
  init(): Promise<boolean>
  dispose(): Promise<void>
  getModelSize(): number
  getTotalParameters(): number
}

export interface AddonContext {
  init(): Promise<boolean>
  dispose(): Promise<void>
}

/** Its levels: 1 fatal, 2 error, 3 warning. */
const ERROR = 2

/**
 * node-llama-cpp's addon without its JavaScript, which takes half a second of CPU to load, and as much again to read the vocabulary of
 * a model that it opens.
 * @param gpu see LibraryOptions.
 */
export async function openAddon(gpu: string | false): Promise<Addon> {
  const backend = gpu === 'auto' ? 'cuda' : gpu
  const addon = await openPrebuilt(backend).catch(() => undefined)
  if (addon !== undefined && (addon.getGpuType() ?? false) === backend) return addon
  await addon?.dispose()
  const { loadLlama } = await import('./llama-library.ts')
  return ((await loadLlama({ gpu })) as unknown as { readonly _bindings: Addon })._bindings
}

async function openPrebuilt(gpu: string | false): Promise<Addon | undefined> {
  const binary = prebuiltBinary(gpu)
  if (binary === undefined) return undefined
  const addon = requireFresh(binary.addon) as Addon
  addon.markLoaded()
  addon.setLogger((level, message) => {
    if (level <= ERROR) process.stderr.write(message)
  })
  addon.setLoggerLogLevel(ERROR)
  addon.loadBackends()
  const folders = [binary.folder, ...(binary.extensions ? [join(binary.extensions, 'fallback')] : [])]
  for (const folder of folders) if (addon.getGpuType() !== gpu) addon.loadBackends(folder)
  addon.ensureGpuDeviceIsSupported()
  await addon.init()
  return addon
}

/** Loads a GGUF. @throws Error when llama.cpp cannot; it has written why. */
export async function loadModel(
  addon: Addon,
  path: string,
  options: { readonly gpuLayers?: number; readonly vocabOnly?: boolean },
): Promise<AddonModel> {
  const model = new addon.AddonModel(path, {
    addonExports: addon,
    gpuLayers: 0,
    useMmap: addon.getSupportsMmap(),
    ...options,
  })
  if (!(await model.init())) throw new Error('llama.cpp cannot load the model')
  return model
}
