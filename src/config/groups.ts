// Settings as the parts of the server take them: each part its group, whole, with times in milliseconds.
import type { Config } from './schema.ts'

/** Settings of every HTTP request and answer. */
export interface HttpSettings {
  readonly maxBodyBytes: number
  /** Bytes of request bodies that are held at once, of all requests together. */
  readonly maxQueuedBytes: number
  /** A request, headers and body, has to arrive within this time. */
  readonly receiveMs: number
  /** A client may leave the socket of its stream full for this time. */
  readonly stallMs: number
  /** A stream that is silent for this time gets a comment. */
  readonly keepAliveMs: number
  /** An answer in one piece begins with spaces after this time; 0: never. */
  readonly paddingAfterMs: number
  readonly clientCertificates: 'unasked' | 'checked' | 'needed'
}

/** Limits on requests that wait for a slot, and on how long a generation may take. Infinity: no limit. */
export interface AdmissionSettings {
  /** Requests that may wait for a slot; one more is refused. */
  readonly maxQueue: number
  /** Prompt tokens that may wait for a slot, all together. */
  readonly maxQueuedTokens: number
  readonly timeLimits: TimeLimits
}

/** How long a generation may take, in milliseconds from when it was accepted. Infinity: as long as it likes. */
export interface TimeLimits {
  /** Wait for a slot. */
  readonly queueMs: number
  /** Wait for the first token. */
  readonly firstTokenMs: number
  readonly totalMs: number
}

/** How the fields of a request are read. */
export interface RequestSettings {
  /** Choices that a request may ask for, at most. */
  readonly maxN: number
  readonly strictParams: boolean
  /** Whether a prompt of token ids may hold control tokens after its first token. */
  readonly controlTokenIds: boolean
  /** Whether tokens are guessed ahead where a request does not say. */
  readonly promptLookup: boolean
}

export function httpSettings(config: Config): HttpSettings {
  const { maxBodyBytes, maxQueuedBytes } = config
  return {
    maxBodyBytes,
    maxQueuedBytes,
    receiveMs: config.receiveTimeout * 1000,
    stallMs: config.stallTimeout * 1000,
    keepAliveMs: config.heartbeatInterval * 1000,
    paddingAfterMs: config.paddingAfter * 1000,
    clientCertificates: (['unasked', 'checked', 'needed'] as const)[config.sslCertReqs] ?? 'needed',
  }
}

export function admissionSettings(config: Config): AdmissionSettings {
  return {
    maxQueue: config.maxQueue,
    maxQueuedTokens: orUnlimited(config.maxQueuedTokens),
    timeLimits: {
      queueMs: orUnlimited(config.queueTimeout * 1000),
      firstTokenMs: orUnlimited(config.firstTokenTimeout * 1000),
      totalMs: orUnlimited(config.totalTimeout * 1000),
    },
  }
}

export function requestSettings({
  maxN,
  strictParams,
  controlTokenIds,
  promptLookup,
}: Config): RequestSettings {
  return { maxN, strictParams, controlTokenIds, promptLookup }
}

/** Settings say 0 for "no limit". */
function orUnlimited(value: number): number {
  return value === 0 ? Number.POSITIVE_INFINITY : value
}
