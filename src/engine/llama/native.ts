import type { Addon, AddonModel, GrammarState, NativeAdapter, NativeContext, NativeSampler } from './addon.ts'
import { tokenBytes, tokenText } from './token-bytes.ts'

/** A grammar that llama.cpp has parsed. */
export interface NativeGrammar {
  /** The state after these tokens. @throws Error when the grammar does not take them. */
  after(tokens: readonly number[]): GrammarState
  /** Whether `token` ends the generation where the grammar is not at an end. */
  endsTooEarly(state: GrammarState, token: number): boolean
}

/** node-llama-cpp 3.22.1: which logits to return: of tokens, of the selected one, of the `top` most probable ones. */
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

export interface NativeHandles {
  readonly context: NativeContext
  /** The logits that a sampler sees at a row of the last pass. Costs the sampler a draw. */
  readLogits(row: number, sampler: NativeSampler, filter: LogitFilter): Promise<LogitAnswer>
  newSampler(): NativeSampler
  loadAdapter(path: string): Promise<NativeAdapter>
  /** @throws Error when llama.cpp cannot parse it. */
  newGrammar(gbnf: string): NativeGrammar
  /** A token's text: U+FFFD for what is no character. */
  textOf(token: number): string
  /** The bytes that a token stands for. */
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
export function probeNative(addon: Addon, model: AddonModel, native: NativeContext): NativeHandles {
  const { AddonSampler: Sampler } = addon
  const missing: string[] = CONTEXT_METHODS.filter((name) => typeof native[name] !== 'function').map(
    (name) => `context.${name}`,
  )
  if (typeof Sampler !== 'function') missing.push('AddonSampler')
  for (const name of ['AddonGrammar', 'AddonGrammarEvaluationState', 'AddonModelLora'] as const) {
    if (typeof addon[name] !== 'function') missing.push(name)
  }
  for (const name of [
    'canBeNextTokenForGrammarEvaluationState',
    'acceptGrammarEvaluationStateToken',
  ] as const) {
    if (typeof Sampler?.[name] !== 'function') missing.push(`AddonSampler.${name}`)
  }
  for (const name of ['isEogToken', 'loadLora', 'getTokenString', 'detokenize'] as const) {
    if (typeof model[name] !== 'function') missing.push(`model.${name}`)
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
    newSampler: () => new Sampler(model),
    loadAdapter: async (path) => {
      const adapter = new addon.AddonModelLora(model, path)
      await model.loadLora(adapter)
      return adapter
    },
    textOf: tokenText(model),
    bytesOf: tokenBytes(model),
    newGrammar: (gbnf) => {
      const grammar = new addon.AddonGrammar(gbnf, { addonExports: addon, rootRuleName: 'root' })
      return {
        after: (tokens) => {
          const state = new addon.AddonGrammarEvaluationState(model, grammar)
          for (const token of tokens) Sampler.acceptGrammarEvaluationStateToken(state, token)
          return state
        },
        endsTooEarly: (state, token) =>
          model.isEogToken(token) && !Sampler.canBeNextTokenForGrammarEvaluationState(state, token),
      }
    },
  }
}
