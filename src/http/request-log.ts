import type { FastifyInstance } from 'fastify'
import type { ErrorCode } from '../base/errors.ts'
import { RequestTrace } from '../generation/request-trace.ts'
import type { Tracing } from '../observability/tracing/tracing.ts'
import { whenClosed } from './waiting-responses.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Code of the error that it was answered with, or that its stream ended with. */
    failure: ErrorCode | undefined
    /** Whether its client was connected and did not read. */
    stalled: boolean
    /** Times and counts of the request, from its first hook on. */
    trace: RequestTrace | undefined
  }
}

/**
 * Logs one line a request, when it is over: also of those whose client left (`aborted`), with the code of an error (`error`),
 * and with how long it took in `ms`. Probes and scrapes are of no interest (debug). Never a body, a query or a header: they hold prompts and keys.
 */
export function logRequests(
  app: FastifyInstance,
  onAborted: (reason: 'left' | 'stalled') => void,
  tracing?: Pick<Tracing, 'onRequestOver'>,
): void {
  app.decorateRequest('failure', undefined)
  app.decorateRequest('stalled', false)
  app.decorateRequest('trace', undefined)
  app.addHook('onRequest', async (request, reply) => {
    const trace = new RequestTrace(request.id)
    request.trace = trace
    whenClosed(reply.raw, () => {
      const { statusCode: status, writableFinished } = reply.raw
      const { failure, stalled } = request
      if (!writableFinished) onAborted(stalled ? 'stalled' : 'left')
      if (request.method === 'POST' && tracing !== undefined) {
        const { method, headers, routeOptions } = request
        const { traceparent } = headers
        const end = { trace, traceparent, method, route: routeOptions.url ?? 'unknown', status, failure }
        // Who listens to the same event cancels generations: they belong to the trace.
        setImmediate(() => tracing.onRequestOver({ ...end, aborted: !writableFinished }))
      }
      const level = request.method === 'GET' && (status < 400 || status === 503) ? 'debug' : 'info'
      request.log[level](
        {
          method: request.method,
          path: request.url.split('?', 1)[0]?.slice(0, 200),
          status,
          ms: Math.round(performance.now() - trace.startedAt),
          ...(failure === undefined ? {} : { error: failure }),
          ...(trace.restarts === 0 ? {} : { restarts: trace.restarts }),
          ...(trace.preemptions === 0 ? {} : { preemptions: trace.preemptions }),
          ...(writableFinished ? {} : { aborted: true }),
          ...(stalled ? { stalled } : {}),
        },
        'request',
      )
    })
  })
}
