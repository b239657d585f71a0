import type { Tenant } from './api-keys.ts'

const MINUTE_MS = 60_000

/** Rest of a tenant's rate limit: requests or tokens that are left of a minute. */
export interface Rate {
  readonly of: 'requests' | 'tokens'
  readonly limit: number
  readonly remaining: number
  /** Milliseconds until one more is allowed; 0 while some are left. */
  readonly retryMs: number
  /** Milliseconds until all are allowed again. */
  readonly resetMs: number
}

/** A bucket that fills up within a minute. */
interface Bucket {
  limit: number
  level: number
  at: number
}

/** Counts what each tenant has running, and how fast its requests and their tokens come. */
export class TenantLimits {
  readonly #now: () => number
  readonly #running = new Map<string, number>()
  readonly #requests = new Map<string, Bucket>()
  readonly #tokens = new Map<string, Bucket>()

  /** @param now milliseconds, monotonic. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Counts a request that begins. Returns what has to be called when it is over; undefined when as many run as may. */
  begin({ name, maxConcurrent }: Tenant): (() => void) | undefined {
    const running = this.#running.get(name) ?? 0
    if (maxConcurrent !== undefined && running >= maxConcurrent) return undefined
    this.#running.set(name, running + 1)
    return () => {
      const left = (this.#running.get(name) ?? 1) - 1
      if (left > 0) this.#running.set(name, left)
      else this.#running.delete(name)
    }
  }

  /** Takes one request of the minute's, if one is left: see retryMs. Undefined without a limit. */
  take({ name, requestsPerMinute: limit }: Tenant): Rate | undefined {
    if (limit === undefined) return undefined
    const bucket = this.#filled(this.#requests, name, limit)
    const retryMs = timeFor(1 - bucket.level, limit)
    if (retryMs === 0) bucket.level--
    return rateOf('requests', bucket, limit, retryMs)
  }

  /** Tokens that are left of the minute. A tenant that has spent more waits until that is made up for. Undefined without a limit. */
  tokens({ name, tokensPerMinute: limit }: Tenant): Rate | undefined {
    if (limit === undefined) return undefined
    const bucket = this.#filled(this.#tokens, name, limit)
    return rateOf('tokens', bucket, limit, timeFor(1 - bucket.level, limit))
  }

  /**
   * Sets tokens aside for a prompt, by estimate, until it is known how many it has. Returns what gives them back then, or a
   * rate when there are too few. More than a minute's are let in when none of the minute's are spent.
   */
  reserve(name: string, count: number): (() => void) | Rate {
    const bucket = this.#tokens.get(name)
    if (bucket === undefined) return () => undefined
    const { limit, level } = this.#filled(this.#tokens, name, bucket.limit)
    const retryMs = timeFor(Math.min(count, limit) - level, limit)
    if (retryMs > 0) return rateOf('tokens', bucket, limit, retryMs)
    bucket.level -= count
    return () => {
      bucket.level += count
    }
  }

  /** Takes tokens that the tenant has had from its minute; does nothing without a limit. */
  spend(name: string, count: number): void {
    const bucket = this.#tokens.get(name)
    if (bucket !== undefined) bucket.level -= count
  }

  #filled(buckets: Map<string, Bucket>, name: string, limit: number): Bucket {
    const now = this.#now()
    const bucket = buckets.get(name) ?? { limit, level: limit, at: now }
    bucket.limit = limit
    bucket.level = Math.min(limit, bucket.level + ((now - bucket.at) / MINUTE_MS) * limit)
    bucket.at = now
    buckets.set(name, bucket)
    return bucket
  }
}

/** Milliseconds in which so many come in. */
function timeFor(missing: number, limit: number): number {
  return Math.max(0, Math.ceil((missing / limit) * MINUTE_MS))
}

function rateOf(of: Rate['of'], { level }: Bucket, limit: number, retryMs: number): Rate {
  const remaining = Math.max(0, Math.floor(level))
  return { of, limit, remaining, retryMs, resetMs: timeFor(limit - level, limit) }
}
