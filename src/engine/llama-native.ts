import { tokenBytes } from './token-bytes.ts'

/** node-llama-cpp 3.22.1: where in a grammar one sequence is. The sampler that holds it moves it on. */
export type GrammarState = object & { readonly __grammarState?: never }

/** A grammar that llama.cpp has parsed. */
export interface NativeGrammar {
  /** After these tokens. @throws Error when the grammar does not take them. */
  after(tokens: readonly number[]): GrammarState
  /** Whether `token` ends the generation where the grammar is not at an end. */
  endsTooEarly(state: GrammarState, token: number): boolean
}

/** node-llama-cpp 3.22.1: one set of samplers of the addon; absent keys switch their sampler off. */
export interface NativeSampler {
  applyConfig(config: Readonly<Record<string, number | Uint32Array | Float32Array | GrammarState>>): void
  dispose(): void
}

/** node-llama-cpp 3.22.1: which logits are to be told: of tokens, of the selected one, of the first so many. */
export type LogitFilter = readonly [
  tokens: readonly number[],
  highest: boolean,
  lowest: boolean,
  selected: boolean,
  top: number,
]

/** node-llama-cpp 3.22.1: `logits` are pairs of token and logit; `weight` is the sum of exp(logit - the highest). */
export type LogitAnswer = readonly [
  selected: number,
  probabilities: undefined,
  confidence: undefined,
  logits?: readonly number[],
  weight?: number,
]

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
  /** For all sequences, from the next decode on. */
  setLoras(adapters: readonly NativeAdapter[], scales: readonly number[]): void
}

/** node-llama-cpp 3.22.1: a LoRA adapter in memory. */
export interface NativeAdapter {
  dispose(): Promise<void>
}

export interface NativeHandles {
  readonly context: NativeContext
  /** What a sampler sees at a row of the last pass. Costs it a draw. */
  readLogits(row: number, sampler: NativeSampler, filter: LogitFilter): Promise<LogitAnswer>
  newSampler(): NativeSampler
  loadAdapter(path: string): Promise<NativeAdapter>
  /** @throws Error when llama.cpp cannot parse it. */
  newGrammar(gbnf: string): NativeGrammar
  /** How the model's file spells a token. */
  spellingOf(token: number): string
  /** What it stands for. */
  bytesOf(token: number): Uint8Array
}

/** The longer form of sampleToken(). */
interface LogitSource {
  sampleToken(
    row: number,
    sampler: NativeSampler,
    probabilities: boolean,
    confidence: boolean,
    logits: LogitFilter,
    weight: boolean,
  ): Promise<LogitAnswer>
}

interface NativeModel {
  loadLora(adapter: NativeAdapter): Promise<void>
  isEogToken(token: number): boolean
  getTokenString(token: number): string
  getTokenAttributes(token: number): number
  getVocabularyType(): number
}

interface Bindings {
  readonly AddonSampler: {
    new (model: object): NativeSampler
    canBeNextTokenForGrammarEvaluationState(state: GrammarState, token: number): boolean
    acceptGrammarEvaluationStateToken(state: GrammarState, token: number): void
  }
  readonly AddonModelLora: new (model: object, path: string) => NativeAdapter
  readonly AddonGrammar: new (gbnf: string, options: object) => object
  readonly AddonGrammarEvaluationState: new (model: object, grammar: object) => GrammarState
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
  'setLoras',
] as const

/**
 * The private parts of node-llama-cpp that the engine drives, checked before anything depends on them.
 * @throws Error that names what is missing: another version than the pinned one.
 */
export function probeNative(addon: object, model: object, context: object): NativeHandles {
  const native = context as NativeContext
  const nativeModel = model as NativeModel
  const bindings = addon as Bindings
  const { AddonSampler: Sampler } = bindings
  const missing: string[] = CONTEXT_METHODS.filter((name) => typeof native[name] !== 'function').map(
    (name) => `context.${name}`,
  )
  if (typeof Sampler !== 'function') missing.push('AddonSampler')
  for (const name of ['AddonGrammar', 'AddonGrammarEvaluationState', 'AddonModelLora'] as const) {
    if (typeof bindings[name] !== 'function') missing.push(name)
  }
  for (const name of [
    'canBeNextTokenForGrammarEvaluationState',
    'acceptGrammarEvaluationStateToken',
  ] as const) {
    if (typeof Sampler?.[name] !== 'function') missing.push(`AddonSampler.${name}`)
  }
  for (const name of [
    'isEogToken',
    'loadLora',
    'getTokenString',
    'getTokenAttributes',
    'getVocabularyType',
  ] as const) {
    if (typeof nativeModel[name] !== 'function') missing.push(`model.${name}`)
  }
  if (missing.length > 0) {
    throw new Error(
      `this node-llama-cpp lacks ${missing.join(', ')}: Altiplano needs version 3.22.1, as its lockfile pins`,
    )
  }
  return {
    context: native,
    readLogits: (row, sampler, filter) =>
      (native as unknown as LogitSource).sampleToken(row, sampler, false, false, filter, true),
    newSampler: () => new Sampler(nativeModel),
    loadAdapter: async (path) => {
      const adapter = new bindings.AddonModelLora(nativeModel, path)
      await nativeModel.loadLora(adapter)
      return adapter
    },
    spellingOf: (token) => nativeModel.getTokenString(token),
    bytesOf: tokenBytes(nativeModel),
    newGrammar: (gbnf) => {
      const grammar = new bindings.AddonGrammar(gbnf, { addonExports: bindings, rootRuleName: 'root' })
      return {
        after: (tokens) => {
          const state = new bindings.AddonGrammarEvaluationState(nativeModel, grammar)
          for (const token of tokens) Sampler.acceptGrammarEvaluationStateToken(state, token)
          return state
        },
        endsTooEarly: (state, token) =>
          nativeModel.isEogToken(token) && !Sampler.canBeNextTokenForGrammarEvaluationState(state, token),
      }
    },
  }
}
