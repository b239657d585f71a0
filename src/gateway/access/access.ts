import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ServingError } from '../../errors.ts'
import type { ApiKeys, Tenant } from './api-keys.ts'
import { type RequestRate, TenantLimits } from './tenant-limits.ts'

/** Routes that are open: probes and scrapers have no keys, and these tell nothing of anyone's requests. */
const PUBLIC = new Set([
  '/health',
  '/health/live',
  '/health/ready',
  '/v2/health/live',
  '/v2/health/ready',
  '/metrics',
])

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; undefined where no keys are asked for. */
    tenant: Tenant | undefined
  }
}

/**
 * Lets in who has a key: decided by the route that was matched, and refused on all that is not public, also where there is
 * no route. Generations count against the tenant's limits. OpenAI: `x-ratelimit-*`.
 *
 * @param keys asked for each request, so that another file counts at once; undefined: everyone is let in.
 */
export function guard(app: FastifyInstance, keys: () => ApiKeys | undefined): void {
  const limits = new TenantLimits()
  app.decorateRequest('tenant', undefined)
  app.addHook('onRequest', async (request, reply) => {
    const known = keys()
    if (known === undefined || PUBLIC.has(request.routeOptions.url ?? '')) return
    const tenant = known.find(keyOf(request))
    if (tenant === undefined) throw new ServingError('invalid_api_key', 'Incorrect API key provided.')
    request.tenant = tenant
    if (request.method === 'POST') count(reply, tenant, limits)
  })
}

/** OpenAI: Authorization: Bearer; Anthropic: x-api-key. */
function keyOf({ headers }: FastifyRequest): string {
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1]
  const given = bearer ?? headers['x-api-key']
  if (typeof given === 'string' && given !== '') return given
  throw new ServingError(
    'invalid_api_key',
    "You didn't provide an API key. Provide it in an Authorization header using Bearer auth (Authorization: Bearer YOUR_KEY).",
  )
}

function count(reply: FastifyReply, tenant: Tenant, limits: TenantLimits): void {
  const rate = limits.take(tenant)
  if (rate !== undefined) tellRate(reply, rate)
  if (rate !== undefined && rate.retryMs > 0) {
    throw new ServingError(
      'rate_limit_exceeded',
      `Rate limit reached for requests: ${rate.limit} a minute. Please try again later.`,
      { retryAfterMs: rate.retryMs },
    )
  }
  const end = limits.begin(tenant)
  if (end === undefined) {
    throw new ServingError(
      'rate_limit_exceeded',
      `You have ${tenant.maxConcurrent} requests running, as many as you may at once. Please try again later.`,
      { retryAfterMs: 1000 },
    )
  }
  reply.raw.once('close', end)
}

function tellRate(reply: FastifyReply, { limit, remaining, resetMs }: RequestRate): void {
  reply
    .header('x-ratelimit-limit-requests', limit)
    .header('x-ratelimit-remaining-requests', remaining)
    // OpenAI: Go's notation of a duration.
    .header('x-ratelimit-reset-requests', resetMs < 1000 ? `${resetMs}ms` : `${(resetMs / 1000).toFixed(3)}s`)
}
