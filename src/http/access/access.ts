import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ServingError } from '../../base/errors.ts'
import { whenClosed } from '../waiting-responses.ts'
import type { ApiKeys, Tenant } from './api-keys.ts'
import type { Rate, TenantLimits } from './tenant-limits.ts'

/** Routes that need no key: probes and scrapers have none, and these reveal nothing of anyone's requests. */
const PUBLIC = new Set([
  '/health',
  '/health/live',
  '/health/ready',
  '/v1/health',
  '/ping',
  '/v2/health/live',
  '/v2/health/ready',
  '/metrics',
])

declare module 'fastify' {
  interface FastifyRequest {
    /** Holder of the request's key; undefined where the server asks for no keys. */
    tenant: Tenant | undefined
  }
}

/**
 * Lets in who has a key: decided by the route that was matched, and refused on all that is not public, also where there is
 * no route. Generations count against the tenant's limits. OpenAI: `x-ratelimit-*`.
 *
 * @param keys asked for each request, so that another file counts at once; undefined: everyone is let in.
 */
export function guard(app: FastifyInstance, keys: () => ApiKeys | undefined, limits: TenantLimits): void {
  app.decorateRequest('tenant', undefined)
  app.addHook('onRequest', async (request, reply) => {
    const known = keys()
    if (known === undefined || PUBLIC.has(request.routeOptions.url ?? '')) return
    const tenant = holderOf(request, known)
    request.tenant = tenant
    if (request.method === 'POST') count(reply, tenant, limits)
  })
}

/** @throws ServingError invalid_api_key. */
export function holderOf(request: FastifyRequest, keys: ApiKeys): Tenant {
  const tenant = keys.find(keyOf(request))
  if (tenant === undefined) throw new ServingError('invalid_api_key', 'Incorrect API key provided.')
  return tenant
}

/** Reads Authorization: Bearer (OpenAI) or x-api-key (Anthropic). Of two lines of one header Node takes the first, a proxy in front perhaps the other. */
function keyOf({ raw }: FastifyRequest): string {
  const { authorization = [], 'x-api-key': own = [] } = raw.headersDistinct
  if (authorization.length > 1 || own.length > 1)
    throw new ServingError('invalid_api_key', 'You provided an API key in more than one header of one name.')
  const bearer = /^Bearer +(\S+) *$/i.exec(authorization[0] ?? '')?.[1]
  const given = bearer ?? own[0] ?? ''
  if (given !== '') return given
  throw new ServingError(
    'invalid_api_key',
    "You didn't provide an API key. Provide it in an Authorization header using Bearer auth (Authorization: Bearer YOUR_KEY).",
  )
}

function count(reply: FastifyReply, tenant: Tenant, limits: TenantLimits): void {
  for (const rate of [limits.take(tenant), limits.tokens(tenant)]) {
    if (rate === undefined) continue
    addRateHeaders(reply, rate)
    if (rate.retryMs > 0) throw tooFast(rate)
  }
  const end = limits.begin(tenant)
  if (end === undefined) {
    throw new ServingError(
      'rate_limit_exceeded',
      `You have ${tenant.maxConcurrent} requests running, as many as you may at once. Please try again later.`,
      { retryAfterMs: 1000 },
    )
  }
  whenClosed(reply.raw, end)
}

/** Keeps tokens of a tenant for a prompt, until what it returns is called. @throws ServingError rate_limit_exceeded. */
export function reserveTokens(limits: TenantLimits, tenant: string, count: number): () => void {
  const reserved = limits.reserve(tenant, count)
  if (typeof reserved !== 'function') throw tooFast(reserved)
  return reserved
}

function tooFast({ of, limit, retryMs }: Rate): ServingError {
  // OpenAI: clients read the time in the message, too.
  const message = `Rate limit reached for ${of}: ${limit} a minute. Please try again in ${duration(retryMs)}.`
  return new ServingError('rate_limit_exceeded', message, { retryAfterMs: retryMs })
}

function addRateHeaders(reply: FastifyReply, { of, limit, remaining, resetMs }: Rate): void {
  reply
    .header(`x-ratelimit-limit-${of}`, limit)
    .header(`x-ratelimit-remaining-${of}`, remaining)
    .header(`x-ratelimit-reset-${of}`, duration(resetMs))
}

/** OpenAI: Go's notation. */
function duration(ms: number): string {
  return ms < 1000 ? `${ms}ms` : `${(ms / 1000).toFixed(3)}s`
}
