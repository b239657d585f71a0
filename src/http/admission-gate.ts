import type { FastifyInstance, FastifyReply } from 'fastify'
import { ServingError } from '../base/errors.ts'
import { whenClosed } from './waiting-responses.ts'

/**
 * Whether the server takes new work, which is every POST. A server that drains goes on taking it for a while, until every
 * router has seen that it is not ready; then it refuses new work and lets what is in flight end.
 */
export class AdmissionGate {
  #state: 'open' | 'draining' | 'closed' = 'open'
  #inFlight = 0
  #onIdle: (() => void) | undefined

  /** Whether a shutdown has begun, also after close(). */
  get draining(): boolean {
    return this.#state !== 'open'
  }

  /** Begins the shutdown: work is still taken, and connections are closed after their next answer. */
  drain(): void {
    if (this.#state === 'open') this.#state = 'draining'
  }

  /** Refuses new work from now on. */
  close(): void {
    this.#state = 'closed'
  }

  /** Resolves when no work is in flight, or after `ms`. */
  async idle(ms: number): Promise<void> {
    if (this.#inFlight === 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#onIdle = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** Adds the hooks that count the work of an instance, refuse it when closed, and close connections while draining. */
  install(app: FastifyInstance): void {
    app.addHook('onRequest', async ({ method }, reply) => {
      this.#giveUpConnection(reply)
      if (method !== 'POST') return
      if (this.#state === 'closed') throw shuttingDown()
      this.#inFlight++
      whenClosed(reply.raw, () => {
        this.#inFlight--
        if (this.#inFlight === 0) this.#onIdle?.()
      })
    })
    app.addHook('onSend', async (_request, reply) => this.#giveUpConnection(reply))
  }

  #giveUpConnection(reply: FastifyReply): void {
    if (this.draining) reply.header('connection', 'close')
  }
}

function shuttingDown(): ServingError {
  return new ServingError('shutting_down', 'The server is shutting down', { retryAfterMs: 2000 })
}
