/** What happened to one request. All times in ms from the start of its workload; all lengths in tokens, as `usage` says. */
export interface Measurement {
  readonly group: string
  readonly session: number
  readonly turn: number
  readonly sentAt: number
  /** Arrival of every chunk that carries generated content, be it empty: the raw times that all else is computed from. */
  readonly tics: readonly number[]
  readonly endAt: number
  /** HTTP status; 0 when there was none. */
  readonly status: number
  /** Undefined when the request got all it asked for. */
  readonly error: string | undefined
  /** The retry-after header of a refusal, in seconds. */
  readonly retryAfter: number | undefined
  readonly promptTokens: number
  /** Undefined where the server does not say. */
  readonly cachedTokens: number | undefined
  readonly completionTokens: number
}

export const succeeded = ({ error }: Measurement): boolean => error === undefined

/** Refused for load before any work, as against broken. */
export const rejected = ({ status }: Measurement): boolean => status === 429 || status === 503
