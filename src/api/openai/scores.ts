import type { FastifyReply } from 'fastify'
import type { Embedding } from '../serving.ts'
import { overlong } from './embeddings.ts'

/** A text of a request, with its field and its path for errors. */
interface ScoredText {
  readonly text: string
  readonly param: string
  readonly path: string
}

/** Two texts, to be scored by how well the second fits the first. */
export type Pair = readonly [ScoredText, ScoredText]

interface Scores {
  /** Score of each pair; undefined where the client has left. */
  readonly scores: readonly number[] | undefined
  readonly tokens: number
}

/**
 * Scores pairs of texts: a reranking model reads both together, and scores them from 0 to 1; with an embedding model the score is
 * the cosine of their vectors, from -1 to 1.
 */
export async function scoresOf(
  pairs: readonly Pair[],
  embedding: Embedding,
  reply: FastifyReply,
): Promise<Scores> {
  const { ranks, contextSize } = await embedding.ready()
  return (ranks ? byReading : byVectors)(pairs, embedding, contextSize, reply)
}

/** All pairs are tokenized before any is computed: one that is too long is refused at once. */
async function byReading(
  pairs: readonly Pair[],
  embedding: Embedding,
  contextSize: number,
  reply: FastifyReply,
): Promise<Scores> {
  const all: Uint32Array[] = []
  for (const [first, { text, path, param }] of pairs) {
    const tokens = await embedding.pair(first.text, text)
    if (tokens.length > contextSize) throw overlong(path, tokens.length, contextSize, param)
    all.push(tokens)
  }
  const scores: number[] = []
  for (const tokens of all) {
    if (reply.raw.destroyed) return { scores: undefined, tokens: 0 }
    scores.push(await embedding.rank(tokens))
  }
  return { scores, tokens: all.reduce((sum, { length }) => sum + length, 0) }
}

/** A text that stands in many pairs is computed once. */
async function byVectors(
  pairs: readonly Pair[],
  embedding: Embedding,
  contextSize: number,
  reply: FastifyReply,
): Promise<Scores> {
  const inputs = new Map<string, Uint32Array>()
  for (const { text, path, param } of pairs.flat()) {
    if (inputs.has(text)) continue
    const tokens = await embedding.prepare(text)
    if (tokens.length > contextSize) throw overlong(path, tokens.length, contextSize, param)
    inputs.set(text, tokens)
  }
  const vectors = new Map<string, Float32Array>()
  for (const [text, tokens] of inputs) {
    if (reply.raw.destroyed) return { scores: undefined, tokens: 0 }
    vectors.set(text, await embedding.embed(tokens))
  }
  return {
    scores: pairs.map(([first, second]) => cosine(vectors.get(first.text), vectors.get(second.text))),
    tokens: [...inputs.values()].reduce((sum, { length }) => sum + length, 0),
  }
}

/** Cosine of two vectors of norm 1. */
function cosine(a: Float32Array = new Float32Array(), b: Float32Array = new Float32Array()): number {
  return a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0)
}
