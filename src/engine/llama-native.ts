import type { Llama, LlamaContext, LlamaModel } from 'node-llama-cpp'

/** node-llama-cpp 3.22.1: one set of samplers of the addon; absent keys switch their sampler off. */
export interface NativeSampler {
  applyConfig(config: Readonly<Record<string, number | Uint32Array | Float32Array>>): void
  dispose(): void
}

/** node-llama-cpp 3.22.1: the low-level context. Nothing of it may be called while decodeBatch() runs. */
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
  /** All cells; what the target held is gone. One at a time. */
  copySequenceStateFromOtherSequence(target: number, source: number): Promise<number>
  /** Resolves to the bytes written. */
  saveSequenceStateToFile(path: string, sequence: number, tokens: Uint32Array): Promise<number>
  /** Resolves to the tokens of the file. Rejects when it is not one of this model and context, or cells are lacking. */
  loadSequenceStateFromFile(path: string, sequence: number, maxTokens: number): Promise<Uint32Array>
  setThreads(threads: number): void
}

export interface NativeHandles {
  readonly context: NativeContext
  newSampler(): NativeSampler
}

const CONTEXT_METHODS = [
  'initBatch',
  'addToBatch',
  'decodeBatch',
  'sampleToken',
  'removeTokenCellsFromSequence',
  'disposeSequence',
  'copySequenceStateFromOtherSequence',
  'saveSequenceStateToFile',
  'loadSequenceStateFromFile',
  'setThreads',
] as const

/**
 * The private parts of node-llama-cpp that the engine drives, checked before anything depends on them.
 * @throws Error that names what is missing: another version than the pinned one.
 */
export function probeNative(llama: Llama, model: LlamaModel, context: LlamaContext): NativeHandles {
  const native = (context as unknown as { _ctx?: NativeContext })._ctx
  const nativeModel = (model as unknown as { _model?: object })._model
  const Sampler = (
    llama as unknown as { _bindings?: { AddonSampler?: new (model: object) => NativeSampler } }
  )._bindings?.AddonSampler
  const missing: string[] = CONTEXT_METHODS.filter((name) => typeof native?.[name] !== 'function').map(
    (name) => `_ctx.${name}`,
  )
  if (typeof Sampler !== 'function') missing.push('_bindings.AddonSampler')
  if (nativeModel === undefined) missing.push('_model')
  if (native === undefined || Sampler === undefined || nativeModel === undefined || missing.length > 0) {
    throw new Error(
      `this node-llama-cpp lacks ${missing.join(', ')}: Altiplano needs version 3.22.1, as its lockfile pins`,
    )
  }
  return { context: native, newSampler: () => new Sampler(nativeModel) }
}
