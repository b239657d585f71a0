import { createHash } from 'node:crypto'
import { DEFAULT_TENANT, type Share } from '../base/share.ts'
import type { Tenant } from '../http/access/api-keys.ts'
import type { Read } from './contract/field.ts'
import { integer, someText } from './contract/kinds.ts'
import type { Serving } from './serving.ts'

/** Highest `priority` of a request: the least urgent. */
const MAX_PRIORITY = 100
const MAX_SALT_LENGTH = 1024
const MAX_DEADLINE_MS = 86_400_000

/** A request's place among others: its tenant and priority, who may reuse its part of the KV cache, and its deadline. */
export interface Sharing {
  readonly share: Share
  /** Hash of those who may reuse the request's part of the KV cache; it is written beside entries on disk. */
  readonly cacheScope: string
  /** Id of the LoRA adapter that the request names as its model. */
  readonly adapter: string | undefined
  /** Deadline, in the milliseconds of performance.now(). */
  readonly deadlineAt: number | undefined
}

/**
 * vLLM: `cache_salt` lets only requests with the same salt reuse what this one leaves in the KV cache; `priority` puts it behind
 * those with a lower one. Tenants never share the KV cache, and each has its own share of the engine.
 * `deadline_ms`, counted from arrival, is this server's own: a client that gives up cannot always close its connection.
 */
export const sharingFields = {
  cache_salt: someText('a salt cannot be empty.', MAX_SALT_LENGTH),
  priority: integer({ min: 0, max: MAX_PRIORITY }),
  deadline_ms: integer({ min: 1, max: MAX_DEADLINE_MS }),
}

export function sharingOf(
  {
    model = '',
    cache_salt: salt,
    priority,
    deadline_ms: deadlineMs,
  }: Read<typeof sharingFields> & { readonly model: string | undefined },
  { adapters }: Pick<Serving, 'adapters'>,
  tenant: Tenant | undefined,
): Sharing {
  return {
    share: shareOf(tenant, priority),
    cacheScope: scopeOf(tenant?.name, salt),
    adapter: adapters.find(model)?.id,
    deadlineAt: deadlineMs && performance.now() + deadlineMs,
  }
}

/** Share that a request is scheduled by. @param asked the priority that the request asks for. */
export function shareOf(tenant: Tenant | undefined, asked = 0): Share {
  const { weight, priority } = tenant ?? DEFAULT_TENANT
  return { tenant: tenant?.name ?? '', weight, priority: priority + asked }
}

function scopeOf(tenant: string | undefined, salt: string | undefined): string {
  if (tenant === undefined && salt === undefined) return ''
  return createHash('sha256')
    .update(JSON.stringify([tenant, salt]))
    .digest('base64url')
}
