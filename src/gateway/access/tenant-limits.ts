import type { Tenant } from './api-keys.ts'

const MINUTE_MS = 60_000

/** What is left of a tenant's requests of a minute. */
export interface RequestRate {
  readonly limit: number
  readonly remaining: number
  /** Until one more is allowed; 0 while some are left. */
  readonly retryMs: number
  /** Until all are allowed again. */
  readonly resetMs: number
}

/** Counts what each tenant has running, and how fast requests come: a bucket that fills up within a minute. */
export class TenantLimits {
  readonly #now: () => number
  readonly #running = new Map<string, number>()
  readonly #buckets = new Map<string, { tokens: number; at: number }>()

  /** @param now milliseconds, monotonic. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Undefined when as many run as may; else what has to be called when the request is over. */
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
  take({ name, requestsPerMinute: limit }: Tenant): RequestRate | undefined {
    if (limit === undefined) return undefined
    const now = this.#now()
    const bucket = this.#buckets.get(name) ?? { tokens: limit, at: now }
    const tokens = Math.min(limit, bucket.tokens + ((now - bucket.at) / MINUTE_MS) * limit)
    const taken = tokens >= 1
    const left = taken ? tokens - 1 : tokens
    this.#buckets.set(name, { tokens: left, at: now })
    return {
      limit,
      remaining: Math.floor(left),
      retryMs: taken ? 0 : Math.ceil(((1 - left) / limit) * MINUTE_MS),
      resetMs: Math.ceil(((limit - left) / limit) * MINUTE_MS),
    }
  }
}
