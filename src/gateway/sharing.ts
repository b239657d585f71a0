import { createHash } from 'node:crypto'
import { type Share, THE_ONE_TENANT } from '../share.ts'
import type { Tenant } from './access/api-keys.ts'
import { type Fields, invalidValue } from './fields.ts'

/** Priorities that a request may ask for. */
const LEAST_URGENT = 100
const LONGEST_SALT = 1024

/** Whose work a request is, and who may use what it leaves in the KV cache. */
export interface Sharing {
  readonly share: Share
  /** A hash: it names whoever may share, and is written beside what is kept on disk. */
  readonly cacheScope: string
}

/**
 * vLLM: `cache_salt` keeps a request's keys and values to those with the same salt; `priority` puts it behind those with a
 * lower one. Tenants never share keys and values, and each is served for itself.
 */
export function readSharing(fields: Fields, tenant: Tenant | undefined): Sharing {
  const salt = fields.string('cache_salt', LONGEST_SALT)
  if (salt === '') throw invalidValue('cache_salt', 'a salt cannot be empty.')
  const asked = fields.integer('priority', { min: 0, max: LEAST_URGENT }) ?? 0
  const { weight, priority } = THE_ONE_TENANT
  return {
    share: { tenant: tenant?.name ?? '', weight, priority: priority + asked },
    cacheScope: scopeOf(tenant?.name, salt),
  }
}

function scopeOf(tenant: string | undefined, salt: string | undefined): string {
  if (tenant === undefined && salt === undefined) return ''
  return createHash('sha256')
    .update(JSON.stringify([tenant, salt]))
    .digest('base64url')
}
