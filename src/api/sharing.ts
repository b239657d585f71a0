import { createHash } from 'node:crypto'
import { DEFAULT_TENANT, type Share } from '../base/share.ts'
import type { Tenant } from '../http/access/api-keys.ts'
import type { Read } from './contract/field.ts'
import { integer, someText } from './contract/kinds.ts'
import type { Serving } from './serving.ts'

/** Priorities that a request may ask for. */
const LEAST_URGENT = 100
const LONGEST_SALT = 1024
const LONGEST_DEADLINE_MS = 86_400_000

/** Whose work a request is, who may use what it leaves in the KV cache, and until when it is of use. */
export interface Sharing {
  readonly share: Share
  /** A hash: it names whoever may share, and is written beside what is kept on disk. */
  readonly cacheScope: string
  /** The LoRA adapter that is asked for as a model, by its id. */
  readonly adapter: string | undefined
  /** Monotonic milliseconds. */
  readonly deadlineAt: number | undefined
}

/**
 * vLLM: `cache_salt` keeps a request's keys and values to those with the same salt; `priority` puts it behind those with a
 * lower one. Tenants never share keys and values, and each is served for itself.
 * `deadline_ms`, from now on, is this server's own: a client that gives up cannot always close its connection.
 */
export const sharingFields = {
  cache_salt: someText('a salt cannot be empty.', LONGEST_SALT),
  priority: integer({ min: 0, max: LEAST_URGENT }),
  deadline_ms: integer({ min: 1, max: LONGEST_DEADLINE_MS }),
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

/** @param asked the priority that the request asks for. */
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
