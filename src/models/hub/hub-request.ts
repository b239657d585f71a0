import { setTimeout as sleep } from 'node:timers/promises'
import { ModelFileError } from '../model-file-error.ts'

export interface RequestOptions {
  readonly endpoint: string
  /** Sent to the endpoint's host only. */
  readonly token?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** The first wait before a retry; each further one is twice as long. */
  readonly retryDelayMs?: number
}

const maxRedirects = 5
const maxListingBytes = 32 << 20
const maxAttempts = 5

/** A failure of the network or the hub that may pass. */
export class PassingError extends Error {
  override readonly name = 'PassingError'
}

/** A hub that could not be reached, or kept failing. */
export class HubAwayError extends ModelFileError {}

/** Sends one GET, and follows redirects itself: the token goes to the endpoint's host and to no other. */
export async function get(
  start: URL,
  headers: Readonly<Record<string, string>>,
  { endpoint, token, signal }: RequestOptions,
): Promise<Response> {
  const home = new URL(endpoint)
  let url = start
  for (let hop = 0; hop <= maxRedirects; hop++) {
    const atHome = url.host === home.host && url.protocol === home.protocol
    const authorization: Record<string, string> = token && atHome ? { authorization: `Bearer ${token}` } : {}
    const response = await send(url, {
      headers: { ...headers, ...authorization },
      redirect: 'manual',
      signal: signal ?? null,
    })
    const location = response.headers.get('location')
    if (response.status < 300 || response.status > 399 || location === null) return checked(response, url)
    await response.body?.cancel()
    url = nextHop(location, url)
  }
  throw new ModelFileError(`${start}: too many redirects.`)
}

async function send(url: URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch (error) {
    init.signal?.throwIfAborted()
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
    throw new PassingError(`${url.host} cannot be reached: ${cause}`)
  }
}

function nextHop(location: string, from: URL): URL {
  const next = URL.canParse(location, from.href) ? new URL(location, from) : undefined
  const downgraded = from.protocol === 'https:' && next?.protocol !== 'https:'
  if (!next || downgraded || !/^https?:$/.test(next.protocol)) {
    throw new ModelFileError(`${from.host} redirects to an address that is not safe.`)
  }
  return next
}

async function checked(response: Response, url: URL): Promise<Response> {
  const { status } = response
  if (status === 200 || status === 206 || status === 416) return response
  await response.body?.cancel()
  const place = `${url.host}${url.pathname}`
  if (status === 401 || status === 403) {
    throw new ModelFileError(`${place}: access denied (${status}). A private or gated model needs HF_TOKEN.`)
  }
  if (status === 404) throw new ModelFileError(`${place}: no such repository or file (404).`)
  if (status === 429 || status >= 500) throw new PassingError(`${place} answered ${status}`)
  throw new ModelFileError(`${place} answered ${status}.`)
}

/** Runs a step again, ever later, while it fails with what may pass and makes no headway. */
export async function retried<T>(
  options: RequestOptions,
  step: () => Promise<T>,
  headway: () => number = () => 0,
): Promise<T> {
  let reached = headway()
  for (let attempt = 1; ; attempt++) {
    try {
      return await step()
    } catch (error) {
      if (!(error instanceof PassingError)) throw error
      if (headway() > reached) attempt = 1
      reached = headway()
      if (attempt >= maxAttempts)
        throw new HubAwayError(`${error.message}; gave up after ${attempt} attempts.`)
      const wait = (options.retryDelayMs ?? 500) * 2 ** (attempt - 1)
      await sleep(wait, undefined, options.signal ? { signal: options.signal } : {})
    }
  }
}

/** Fetches a small text, such as a file list. */
export async function getText(
  url: URL,
  options: RequestOptions,
): Promise<{ readonly text: string; readonly link: string | null }> {
  return retried(options, async () => {
    const signals = [AbortSignal.timeout(60_000), ...(options.signal ? [options.signal] : [])]
    const response = await get(url, {}, { ...options, signal: AbortSignal.any(signals) })
    const chunks: Uint8Array[] = []
    let bytes = 0
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length
      if (bytes > maxListingBytes) throw new ModelFileError(`${url.host}: the file list is too long.`)
      chunks.push(chunk)
    }
    return { text: Buffer.concat(chunks).toString('utf8'), link: response.headers.get('link') }
  })
}
