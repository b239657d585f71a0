import type { FastifyReply } from 'fastify'
import { ClientGone } from '../../http/sse.ts'
import type { Embedding, Serving } from '../serving.ts'
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
  readonly scores: readonly number[]
  readonly tokens: number
}

/**
 * Scores pairs of texts: a reranking model reads both together, and scores them from 0 to 1; with an embedding model the score is
 * the cosine of their vectors, from -1 to 1. Their tokens are spent before any is computed, as in embeddings.
 * @throws ClientGone when the client has left.
 */
export async function scoresOf(
  pairs: readonly Pair[],
  embedding: Embedding,
  serving: Serving,
  reply: FastifyReply,
): Promise<Scores> {
  const { ranks, contextSize } = await embedding.ready()
  const spend = (all: readonly Uint32Array[]): number => {
    const tokens = all.reduce((sum, { length }) => sum + length, 0)
    serving.spend(reply.request.tenant?.name ?? '', tokens)
    return tokens
  }
  return (ranks ? byReading : byVectors)(pairs, embedding, contextSize, reply, spend)
}

type Spend = (all: readonly Uint32Array[]) => number

function checkThere({ raw }: FastifyReply): void {
  if (raw.destroyed) throw new ClientGone('the client left')
}

/** All pairs are tokenized before any is computed: one that is too long is refused at once. */
async function byReading(
  pairs: readonly Pair[],
  embedding: Embedding,
  contextSize: number,
  reply: FastifyReply,
  spend: Spend,
): Promise<Scores> {
  const all: Uint32Array[] = []
  for (const [first, { text, path, param }] of pairs) {
    checkThere(reply)
    const tokens = await embedding.pair(first.text, text)
    if (tokens.length > contextSize) throw overlong(path, tokens.length, contextSize, param)
    all.push(tokens)
  }
  const tokens = spend(all)
  const scores: number[] = []
  for (const each of all) {
    checkThere(reply)
    scores.push(await embedding.rank(each))
  }
  return { scores, tokens }
}

/** A text that stands in many pairs is computed once. */
async function byVectors(
  pairs: readonly Pair[],
  embedding: Embedding,
  contextSize: number,
  reply: FastifyReply,
  spend: Spend,
): Promise<Scores> {
  const inputs = new Map<string, Uint32Array>()
  for (const { text, path, param } of pairs.flat()) {
    checkThere(reply)
    if (inputs.has(text)) continue
    const tokens = await embedding.prepare(text)
    if (tokens.length > contextSize) throw overlong(path, tokens.length, contextSize, param)
    inputs.set(text, tokens)
  }
  const tokens = spend([...inputs.values()])
  const vectors = new Map<string, Float32Array>()
  for (const [text, each] of inputs) {
    checkThere(reply)
    vectors.set(text, await embedding.embed(each))
  }
  return {
    scores: pairs.map(([first, second]) => cosine(vectors.get(first.text), vectors.get(second.text))),
    tokens,
  }
}

/** Cosine of two vectors of norm 1. */
function cosine(a: Float32Array = new Float32Array(), b: Float32Array = new Float32Array()): number {
  return a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0)
}
