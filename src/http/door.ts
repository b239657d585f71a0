import type { FastifyInstance, FastifyReply } from 'fastify'
import { ServingError } from '../base/errors.ts'
import { whenClosed } from './waiting-responses.ts'

/**
 * Whether work is taken. Work is every POST. A server that leaves goes on taking it for a while, until all who send it
 * have heard; then it turns new work away and ends what is inside.
 */
export class Door {
  #state: 'open' | 'leaving' | 'closed' = 'open'
  #inside = 0
  #whenEmpty: (() => void) | undefined

  get leaving(): boolean {
    return this.#state !== 'open'
  }

  /** Work is still taken; whoever asks for readiness hears no. */
  leave(): void {
    if (this.#state === 'open') this.#state = 'leaving'
  }

  close(): void {
    this.#state = 'closed'
  }

  /** Resolves when nothing is inside, or after `ms`. */
  async empty(ms: number): Promise<void> {
    if (this.#inside === 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#whenEmpty = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** Counts the work of an instance, and refuses it when closed. Connections are given up as soon as the server leaves. */
  keep(app: FastifyInstance): void {
    app.addHook('onRequest', async ({ method }, reply) => {
      this.#giveUpConnection(reply)
      if (method !== 'POST') return
      if (this.#state === 'closed') throw shuttingDown()
      this.#inside++
      whenClosed(reply.raw, () => {
        this.#inside--
        if (this.#inside === 0) this.#whenEmpty?.()
      })
    })
    app.addHook('onSend', async (_request, reply) => this.#giveUpConnection(reply))
  }

  #giveUpConnection(reply: FastifyReply): void {
    if (this.leaving) reply.header('connection', 'close')
  }
}

function shuttingDown(): ServingError {
  return new ServingError('shutting_down', 'The server is shutting down', { retryAfterMs: 2000 })
}
