import type { FastifyInstance } from 'fastify'
import type { InferHandler } from './infer.ts'

/** KServe V1: POST /models/NAME:predict. The other endpoints of V1 are OpenAI's GET /models, whose answers have both protocols' fields. */
export function predict(app: FastifyInstance, infer: InferHandler): void {
  app.post<{ Params: { '*': string } }>(
    '/models/*',
    { sse: 'manual', config: { ending: ':predict' } },
    (request, reply) => infer(request.params['*'], ':predict', request, reply),
  )
}
