import {
  Agent,
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream'

const POLL_MS = 100

/** What the proxy knows of one replica. */
export interface Upstream {
  readonly url: string
  ready: boolean
  inFlight: number
}

/**
 * Stands where a Kubernetes service stands: gives each request to a replica that says it is ready, the one with the fewest,
 * and mends nothing: there are no retries.
 */
export class ReadinessProxy {
  readonly #upstreams = new Set<Upstream>()
  readonly #agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY })
  readonly #server: Server = createServer((from, to) => this.#pass(from, to))
  readonly #poll = setInterval(() => {
    for (const upstream of this.#upstreams) void this.#look(upstream)
  }, POLL_MS)

  /** Resolves to its URL. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  add(url: string): Upstream {
    const upstream = { url, ready: false, inFlight: 0 }
    this.#upstreams.add(upstream)
    return upstream
  }

  remove(upstream: Upstream): void {
    this.#upstreams.delete(upstream)
  }

  close(): void {
    clearInterval(this.#poll)
    this.#server.close()
    this.#server.closeAllConnections()
    this.#agent.destroy()
  }

  async #look(upstream: Upstream): Promise<void> {
    try {
      upstream.ready = (await fetch(`${upstream.url}/health/ready`)).ok
    } catch {
      upstream.ready = false
    }
  }

  #pass(from: IncomingMessage, to: ServerResponse): void {
    const [upstream] = [...this.#upstreams]
      .filter(({ ready }) => ready)
      .sort((a, b) => a.inFlight - b.inFlight)
    if (upstream === undefined) {
      to.writeHead(503).end('no replica is ready')
      return
    }
    upstream.inFlight++
    to.once('close', () => upstream.inFlight--)
    const { connection: _, ...headers } = from.headers
    const { method } = from
    const sent = request(`${upstream.url}${from.url}`, { method, headers, agent: this.#agent }, (answer) => {
      to.writeHead(answer.statusCode ?? 502, answer.headers)
      pipeline(answer, to, () => undefined)
    })
    sent.once('error', (error) => {
      if (to.headersSent) to.destroy()
      else to.writeHead(502).end(error.message)
    })
    from.pipe(sent)
  }
}
