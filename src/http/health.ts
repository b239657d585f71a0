import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** State that the probes report. */
export interface Health {
  /** Why the server is not ready, in a few words, with progress where there is any; undefined: it is ready. */
  notReady(): string | undefined
}

/**
 * Liveness is the gateway's own: it answers while a child is restarted, so that Kubernetes leaves it alone.
 * Readiness is the truth about the next request.
 */
export function healthRoutes(app: FastifyInstance, health: Health): void {
  // KServe V1: liveness is the root.
  for (const path of ['/', '/health/live']) app.get(path, async () => ({ status: 'alive' }))
  // llama-server: /v1/health; SageMaker: /ping.
  for (const path of ['/health', '/health/ready', '/v1/health', '/ping']) app.get(path, ready)
  // vLLM: /ping by POST, too.
  app.post('/ping', { config: { optionalBody: true } }, ready)

  async function ready(_request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const reason = health.notReady()
    if (reason === undefined) return { status: 'ready' }
    return reply.code(503).header('retry-after', '1').send({ status: 'not ready', reason })
  }
}
