import type { FastifyInstance } from 'fastify'
import type { InferHandler } from './infer.ts'

/** KServe V1: POST /models/NAME:predict. Its other endpoints are those of OpenAI, with more in their answers. */
export function predict(app: FastifyInstance, infer: InferHandler): void {
  app.post<{ Params: { '*': string } }>('/models/*', { sse: 'manual' }, (request, reply) =>
    infer(request.params['*'], ':predict', request, reply),
  )
}
