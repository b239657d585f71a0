import type { LlamaRankingContext, Token } from 'node-llama-cpp'
import type { EmbeddingInit, EmbeddingReady } from '../../protocol/embedding-messages.ts'
import { controlTokens } from './embedder.ts'
import { openModel } from './model.ts'

/** A model that reads a query and a document together, and scores how well they fit. */
export interface LlamaRanker {
  readonly ready: EmbeddingReady
  /** Tokens of a query and a document in the model's own template, with its separators. */
  pair(query: string, document: string): Uint32Array
  /** From 0 to 1. @throws Error for tokens the model cannot take. */
  rank(pair: Uint32Array): Promise<number>
  close(): Promise<void>
}

/** node-llama-cpp 3.22.1: the two steps of rank(), so that lengths are known before anything is computed. */
interface RankingParts {
  _getEvaluationInput(query: Token[], document: Token[]): Token[]
  _evaluateRankingForInput(input: Token[]): Promise<number>
}

export async function openRanker({
  modelPath,
  contextSize,
  threads,
  gpuLayers,
  gpuBackend,
}: EmbeddingInit): Promise<LlamaRanker> {
  const { llama, model } = await openModel({ modelPath, threads, gpuLayers, gpuBackend })
  // A whole pair must fit into one batch, or its last part alone is judged.
  const cells = contextSize + 1
  const context = await model.createRankingContext({ contextSize: cells, batchSize: cells, threads })
  const parts = partsOf(context)
  const vocabularySize = model.fileInfo.metadata.tokenizer.ggml.tokens.length
  return {
    ready: {
      ranks: true,
      dimensions: 1,
      contextSize,
      vocabularySize,
      control: controlTokens(model, vocabularySize),
    },
    pair: (query, document) =>
      Uint32Array.from(
        parts._getEvaluationInput(model.tokenize(query, false), model.tokenize(document, false)),
      ),
    rank: async (pair) => {
      if (pair.length === 0 || pair.length > contextSize) throw new Error('not a length to rank')
      const score = await parts._evaluateRankingForInput([...pair] as Token[])
      if (!Number.isFinite(score)) throw new Error('the model gave no score')
      return score
    },
    close: async () => {
      await context.dispose()
      await model.dispose()
      await llama.dispose()
    },
  }
}

function partsOf(context: LlamaRankingContext): RankingParts {
  const parts = context as unknown as RankingParts
  for (const name of ['_getEvaluationInput', '_evaluateRankingForInput'] as const) {
    if (typeof parts[name] !== 'function') {
      throw new Error(`this node-llama-cpp lacks LlamaRankingContext.${name}: Altiplano needs version 3.22.1`)
    }
  }
  return parts
}
