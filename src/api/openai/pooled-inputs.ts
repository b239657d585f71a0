import type { FastifyReply } from 'fastify'
import { ServingError } from '../../base/errors.ts'
import { ClientGone } from '../../http/sse.ts'
import type { Serving } from '../serving.ts'

/** An input of the model that makes embeddings or ranks. */
export interface PooledInput {
  /** Makes its tokens. */
  readonly read: () => Promise<Uint32Array>
  /** Field and path of the input in the request, for errors. */
  readonly param: string
  readonly path: string
}

interface Pooling {
  readonly contextSize: number
  readonly serving: Serving
  readonly reply: FastifyReply
}

/**
 * Computes a result for each input. All are read before any is computed, so that one that is too long is refused at once, and their
 * tokens count towards the tenant's rate limit then, whether the client stays or not.
 * @throws ServingError context_length_exceeded; ClientGone when the client has left.
 */
export async function pooled<Result>(
  inputs: readonly PooledInput[],
  compute: (tokens: Uint32Array) => Promise<Result>,
  { contextSize, serving, reply }: Pooling,
): Promise<{ readonly results: readonly Result[]; readonly tokens: number }> {
  const all: Uint32Array[] = []
  for (const { read, path, param } of inputs) {
    checkThere(reply)
    const tokens = await read()
    if (tokens.length > contextSize) throw overlong(path, tokens.length, contextSize, param)
    all.push(tokens)
  }
  const tokens = all.reduce((sum, { length }) => sum + length, 0)
  serving.spend(reply.request.tenant?.name ?? '', tokens)
  const results: Result[] = []
  for (const each of all) {
    checkThere(reply)
    results.push(await compute(each))
  }
  return { results, tokens }
}

function checkThere({ raw }: FastifyReply): void {
  if (raw.destroyed) throw new ClientGone('the client left')
}

/** Error for an input that is longer than the model's context. */
export function overlong(path: string, tokens: number, contextSize: number, param: string): ServingError {
  return new ServingError(
    'context_length_exceeded',
    `This model's maximum context length is ${contextSize} tokens. However, '${path}' has ${tokens} tokens. Please reduce its length.`,
    { param },
  )
}
