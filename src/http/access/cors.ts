import { fastifyCors } from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import { ConfigError } from '../../base/config-error.ts'

/** Headers of an answer that a page may read beside those of every answer (WHATWG fetch: CORS-safelisted). */
const EXPOSED = [
  'x-request-id',
  'retry-after',
  'retry-after-ms',
  'x-should-retry',
  'x-ignored-params',
  'x-seed',
  'traceparent',
  'allow',
  'server-timing',
  ...['limit', 'remaining', 'reset'].flatMap((what) =>
    ['requests', 'tokens'].map((of) => `x-ratelimit-${what}-${of}`),
  ),
]

/** Seconds for which a browser may remember what it was allowed: two hours are Chrome's most. */
const REMEMBERED_S = 7200

/** Origins of web pages that may read answers; '*' is any. */
export type Origins = ReadonlySet<string>

/**
 * Reads a comma-separated list, or vLLM's JSON array, of origins.
 * @throws ConfigError for what no browser sends as an origin.
 */
export function readOrigins(given: string): Origins {
  const origins = given.trim().startsWith('[') ? fromJson(given) : given.split(',')
  return new Set(origins.map((origin) => checked(origin.trim())))
}

/**
 * Lets web pages of these origins read what the server answers (CORS), errors and streams included. A preflight needs no key:
 * browsers send none with it. Pages of other origins get what everybody gets, without the headers that would let them read it.
 */
export async function letPagesRead(app: FastifyInstance, origins: Origins): Promise<void> {
  if (origins.size === 0) return
  await app.register(fastifyCors, {
    origin: (origin, done) => {
      const allowed = origin !== undefined && (origins.has('*') || origins.has(origin))
      done(null, allowed ? origin : false)
    },
    methods: ['GET', 'HEAD', 'POST'],
    exposedHeaders: EXPOSED,
    maxAge: REMEMBERED_S,
    // An OPTIONS that is no preflight is answered as any other, in the server's own shape.
    strictPreflight: false,
  })
}

function fromJson(given: string): string[] {
  try {
    const list: unknown = JSON.parse(given)
    if (Array.isArray(list) && list.every((one) => typeof one === 'string')) return list
  } catch {
    // Said below.
  }
  throw new ConfigError(`--allowed-origins ${given}: not a JSON array of strings`)
}

/** Whether a browser may send an origin: with a host that is written out, and without a port that is the scheme's own. */
function isSent(origin: string): boolean {
  if (!/^[a-z][a-z\d+.-]*:\/\/[^\s/?#A-Z*@]+$/.test(origin)) return false
  if (!/^https?:/.test(origin)) return true
  return URL.canParse(origin) && new URL(origin).origin === origin
}

/** HTML: an origin is a scheme, a host in lower case, and a port unless it is the scheme's own; never a path. */
function checked(origin: string): string {
  if (origin === '*' || isSent(origin)) return origin
  throw new ConfigError(
    `--allowed-origins ${origin}: an origin is written as a browser sends it, like https://chat.example.com or app://obsidian.md, without a path; * is any`,
  )
}
