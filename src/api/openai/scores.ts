import type { FastifyReply } from 'fastify'
import type { Embedding, Serving } from '../serving.ts'
import { pooled } from './pooled-inputs.ts'

/** A text of a request, with its field and its path for errors. */
interface ScoredText {
  readonly text: string
  readonly param: string
  readonly path: string
}

/** Two texts, to be scored by how well the second fits the first. */
export type Pair = readonly [ScoredText, ScoredText]

interface Scores {
  readonly scores: readonly number[]
  readonly tokens: number
}

/**
 * Scores pairs of texts: a reranking model reads both together, and scores them from 0 to 1; with an embedding model the score is
 * the cosine of their vectors, from -1 to 1. @throws ServingError and ClientGone as pooled().
 */
export async function scoresOf(
  pairs: readonly Pair[],
  embedding: Embedding,
  serving: Serving,
  reply: FastifyReply,
): Promise<Scores> {
  const { ranks, contextSize } = await embedding.ready()
  const pooling = { contextSize, serving, reply }
  if (ranks) {
    const inputs = pairs.map(([first, second]) => ({
      ...second,
      read: () => embedding.pair(first.text, second.text),
    }))
    const { results: scores, tokens } = await pooled(inputs, (each) => embedding.rank(each), pooling)
    return { scores, tokens }
  }
  // A text that stands in many pairs is computed once.
  const texts = new Map<string, ScoredText>()
  for (const one of pairs.flat()) if (!texts.has(one.text)) texts.set(one.text, one)
  const inputs = [...texts.values()].map((one) => ({ ...one, read: () => embedding.prepare(one.text) }))
  const { results, tokens } = await pooled(inputs, (each) => embedding.embed(each), pooling)
  const vectors = new Map([...texts.keys()].map((text, index) => [text, results[index]]))
  return {
    scores: pairs.map(([first, second]) => cosine(vectors.get(first.text), vectors.get(second.text))),
    tokens,
  }
}

/** Cosine of two vectors of norm 1. */
function cosine(a: Float32Array = new Float32Array(), b: Float32Array = new Float32Array()): number {
  return a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0)
}
