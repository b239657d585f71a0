import type { FastifyInstance } from 'fastify'
import type { ErrorCode } from '../errors.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** What it was answered with, or its stream ended with, where that was an error. */
    failure: ErrorCode | undefined
  }
}

/**
 * One line a request, when it is over: also of those whose client left (`aborted`), with the code of an error (`error`), and with how long it took in `ms`.
 * Probes and scrapes are of no interest (debug). Never a body, a query or a header: they hold prompts and keys.
 */
export function logRequests(app: FastifyInstance): void {
  app.decorateRequest('failure', undefined)
  app.addHook('onRequest', async (request, reply) => {
    const started = performance.now()
    reply.raw.once('close', () => {
      const { statusCode: status, writableFinished } = reply.raw
      const level = request.method === 'GET' && (status < 400 || status === 503) ? 'debug' : 'info'
      request.log[level](
        {
          method: request.method,
          path: request.url.split('?', 1)[0]?.slice(0, 200),
          status,
          ms: Math.round(performance.now() - started),
          ...(request.failure === undefined ? {} : { error: request.failure }),
          ...(writableFinished ? {} : { aborted: true }),
        },
        'request',
      )
    })
  })
}
