import type { LlamaModel, Token } from 'node-llama-cpp'
import type { EmbeddingInit, EmbeddingReady } from '../../protocol/embedding-messages.ts'
import { openModel } from './model.ts'
import { CONTROL } from './token-bytes.ts'

/** A model that pools its input into a vector. */
export interface LlamaEmbedder {
  readonly ready: EmbeddingReady
  /** Tokens of an input, with those that the model wants around it. @throws Error for ids that are not in the vocabulary. */
  prepare(input: string | Uint32Array): Uint32Array
  /** The pooled vector, of L2 norm 1. @throws Error for tokens the model cannot take, or a vector that is no direction. */
  embed(tokens: Uint32Array): Promise<Float32Array>
  close(): Promise<void>
}

export async function openEmbedder({
  modelPath,
  contextSize,
  threads,
  gpuLayers,
  gpuBackend,
}: EmbeddingInit): Promise<LlamaEmbedder> {
  const { llama, model } = await openModel({ modelPath, threads, gpuLayers, gpuBackend })
  // node-llama-cpp 3.22.1 refuses an input that fills its context. A whole input must fit into one batch, or its last part alone is pooled.
  const cells = contextSize + 1
  const context = await model.createEmbeddingContext({ contextSize: cells, batchSize: cells, threads })
  const vocabularySize = model.fileInfo.metadata.tokenizer.ggml.tokens.length
  // It adds the model's own first and last token where they lack.
  const whole = (tokens: readonly Token[]): Token[] => {
    const all = [...tokens]
    const { _prepareInput: prepare } = context as unknown as { _prepareInput(tokens: Token[]): void }
    prepare.call(context, all)
    // It leaves out the first token of unigram vocabularies (XLM-RoBERTa), which llama.cpp adds where the file says so.
    const { bos, shouldPrependBosToken } = model.tokens
    if (shouldPrependBosToken && bos !== null && all[0] !== bos) all.unshift(bos)
    return all
  }
  const check = (input: string | Uint32Array): void => {
    if (typeof input !== 'string' && input.some((token) => token >= vocabularySize)) {
      throw new Error('a token is not in the vocabulary')
    }
  }
  return {
    ready: {
      ranks: false,
      dimensions: model.embeddingVectorSize,
      contextSize,
      vocabularySize,
      control: controlTokens(model, vocabularySize),
    },
    prepare: (input) => {
      check(input)
      return Uint32Array.from(
        whole(typeof input === 'string' ? model.tokenize(input, false) : ([...input] as Token[])),
      )
    },
    embed: async (tokens) => {
      check(tokens)
      if (tokens.length === 0 || whole([...tokens] as Token[]).length > contextSize) {
        throw new Error('not a length to embed')
      }
      const { vector } = await context.getEmbeddingFor([...tokens] as Token[])
      return normalised(vector)
    },
    close: async () => {
      await context.dispose()
      await model.dispose()
      await llama.dispose()
    },
  }
}

/** Ids of control tokens, which no text may become. */
export function controlTokens(model: LlamaModel, size: number): number[] {
  const native = (model as unknown as { _model: { getTokenAttributes(token: number): number } })._model
  return Array.from({ length: size }, (_, token) => token).filter(
    (token) => (native.getTokenAttributes(token) & CONTROL) !== 0,
  )
}

function normalised(vector: readonly number[]): Float32Array {
  const norm = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
  if (!Number.isFinite(norm) || norm === 0) throw new Error('the model gave a vector without a direction')
  return Float32Array.from(vector, (value) => value / norm)
}
