import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Door {
  readonly url: string
  /** When each request came, in ms. */
  readonly requests: readonly number[]
  /** Answers that told the client to come again. */
  readonly refusals: readonly { status: number; at: number; retryAfterMs: number }[]
  close(): void
}

/** Hands requests on to a server as they are, and notes what it refuses. */
export async function busyFirst(target: string): Promise<Door> {
  const requests: number[] = []
  const refusals: { status: number; at: number; retryAfterMs: number }[] = []
  const server = createServer((incoming, outgoing) => {
    requests.push(performance.now())
    const { method, url = '', headers } = incoming
    const onward = request(target + url, { method, headers }, (answer) => {
      const { statusCode = 0 } = answer
      const retryAfterMs = Number(answer.headers['retry-after-ms'])
      if (statusCode >= 400) refusals.push({ status: statusCode, at: performance.now(), retryAfterMs })
      outgoing.writeHead(statusCode, answer.headers)
      answer.pipe(outgoing)
    })
    onward.on('error', () => outgoing.destroy())
    incoming.pipe(onward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, requests, refusals, close: () => server.close() }
}
