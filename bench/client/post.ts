import { Agent, type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'

/**
 * A connection for each request: some servers close theirs after a stream, and a request on a dying one would count as
 * their failure. No limit on sockets: queueing belongs to the server that is measured.
 */
const agent = new Agent({ keepAlive: false, maxSockets: Number.POSITIVE_INFINITY })

/** Node's own client: no header or body timeout of its own, and less CPU than fetch beside a server on the same cores. */
export function postJson(url: string, body: unknown, timeoutMs: number): Promise<IncomingMessage> {
  const secure = url.startsWith('https:')
  const request = (secure ? requestHttps : requestHttp)(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer none' },
    signal: AbortSignal.timeout(timeoutMs),
    ...(secure ? {} : { agent }),
  })
  request.end(JSON.stringify(body))
  return new Promise((resolve, reject) => request.once('response', resolve).once('error', reject))
}
