import { join } from 'node:path'
import type { ParsedTemplate } from '../../text/template/parsed-template.ts'
import { prebuiltBinary, requireFresh } from './binary.ts'

/** The native addon of node-llama-cpp 3.22.1, as far as it is used here. */
export interface Addon {
  readonly AddonModel: new (path: string, options: Readonly<Record<string, unknown>>) => AddonModel
  readonly AddonContext: new (model: AddonModel, options: Readonly<Record<string, unknown>>) => AddonContext
  readonly AddonSampler: {
    new (model: AddonModel): NativeSampler
    canBeNextTokenForGrammarEvaluationState(state: GrammarState, token: number): boolean
    acceptGrammarEvaluationStateToken(state: GrammarState, token: number): void
  }
  readonly AddonModelLora: new (model: AddonModel, path: string) => NativeAdapter
  readonly AddonGrammar: new (gbnf: string, options: object) => object
  readonly AddonGrammarEvaluationState: new (model: AddonModel, grammar: object) => GrammarState
  /** llama.cpp: its own Jinja. */
  readonly AddonJinjaRenderer: new (
    template: string,
  ) => ParsedTemplate
  /** The backend's name; false: the CPU alone; undefined: no backend is loaded. */
  getGpuType(): string | false | undefined
  getGpuDeviceInfo(): { readonly deviceNames: string[] }
  /** Bytes of memory of all devices together. */
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

/** A loaded model of the addon. Tokens that it does not have are -1. */
export interface AddonModel {
  /** False: llama.cpp could not load it, and wrote why. */
  init(): Promise<boolean>
  dispose(): Promise<void>
  getModelSize(): number
  getTotalParameters(): number
  loadLora(adapter: NativeAdapter): Promise<void>
  tokenize(text: string, specialTokens: boolean): Uint32Array
  /** The text of tokens: U+FFFD for what is no character. */
  detokenize(tokens: Uint32Array, specialTokens: boolean): string
  /** How the model's file spells a token. */
  getTokenString(token: number): string
  getTokenAttributes(token: number): number
  isEogToken(token: number): boolean
  shouldPrependBosToken(): boolean
  tokenBos(): number
  tokenEos(): number
  prefixToken(): number
  suffixToken(): number
  middleToken(): number
}

export interface AddonContext extends NativeContext {
  init(): Promise<boolean>
  dispose(): Promise<void>
}

/** One sequence's position in a grammar. The sampler that holds it moves it on. */
export type GrammarState = object & { readonly __grammarState?: never }

/** One set of samplers of the addon; absent keys switch their sampler off. */
export interface NativeSampler {
  applyConfig(config: Readonly<Record<string, number | Uint32Array | Float32Array | GrammarState>>): void
  dispose(): void
}

/** The low-level context. Nothing of it may be called while decodeBatch() runs. */
export interface NativeContext {
  initBatch(tokens: number): void
  /** Resolves logit indexes (positions in `tokens`, ascending) to rows for sampleToken(). */
  addToBatch(sequence: number, position: number, tokens: Uint32Array, logits: Uint32Array): Uint32Array
  decodeBatch(): Promise<void>
  /** -1 for a row that has no logits. */
  sampleToken(row: number, sampler: NativeSampler): Promise<number>
  /** False when the model's memory cannot be cut there (recurrent and sliding-window models). */
  removeTokenCellsFromSequence(sequence: number, start: number, end: number): boolean
  disposeSequence(sequence: number): void
  /** Copies all cells, over those of the target. One at a time. */
  copySequenceStateFromOtherSequence(target: number, source: number): Promise<number>
  /** Resolves to the bytes written. */
  saveSequenceStateToFile(path: string, sequence: number, tokens: Uint32Array): Promise<number>
  /** Resolves to the tokens of the file. Rejects when it is not one of this model and context, or cells are lacking. */
  loadSequenceStateFromFile(path: string, sequence: number, maxTokens: number): Promise<Uint32Array>
  setThreads(threads: number): void
  /** Sets the adapters of all sequences, from the next decode on. */
  setLoras(adapters: readonly NativeAdapter[], scales: readonly number[]): void
}

/** A LoRA adapter in memory. */
export interface NativeAdapter {
  dispose(): Promise<void>
}

/** Level of errors in the addon's log: 1 fatal, 2 error, 3 warning. */
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
  const { loadLlama } = await import('./library.ts')
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
