import type { Measurement } from '../measurement.ts'
import type { Workload } from '../workload/workload.ts'
import { Arrivals } from './arrivals.ts'
import { Conversation } from './conversation.ts'
import { type StepCost, stepMs } from './cost.ts'
import type { Ticket, VirtualServer } from './server.ts'

interface Request {
  readonly conversation: Conversation
  readonly turn: number
  readonly sentAt: number
  readonly promptTokens: number
  readonly tics: number[]
}

/** Runs a workload in virtual time: nothing waits, and a step moves the clock by its cost. */
export async function driveVirtual(
  workload: Workload,
  server: VirtualServer,
  cost: StepCost,
): Promise<Measurement[]> {
  const run = new VirtualRun(workload, server, cost)
  return run.toEnd()
}

class VirtualRun {
  readonly #server: VirtualServer
  readonly #cost: StepCost
  readonly #arrivals: Arrivals
  readonly #requests = new Map<Ticket, Request>()
  readonly #measurements: Measurement[] = []
  #now = 0

  constructor(workload: Workload, server: VirtualServer, cost: StepCost) {
    this.#server = server
    this.#cost = cost
    this.#arrivals = new Arrivals(workload)
  }

  async toEnd(): Promise<Measurement[]> {
    for (;;) {
      this.#admit()
      const step = await this.#server.step()
      if (step !== undefined) {
        const ms = stepMs(this.#cost, step)
        this.#server.took(step, ms)
        this.#now += ms
        for (const ticket of step.gained) this.#token(ticket)
      } else if (!this.#skip()) return this.#measurements
    }
  }

  /** Moves to the next arrival; false when there is none. */
  #skip(): boolean {
    const next = this.#arrivals.nextAt()
    if (next === undefined) return false
    this.#now = Math.max(this.#now, next)
    return true
  }

  #admit(): void {
    for (const index of this.#arrivals.due(this.#now)) {
      const session = this.#arrivals.session(index)
      // In a closed loop and between two steps, a session arrives when the clock says; in an open one it came before.
      const sentAt = this.#arrivals.open ? session.atMs : this.#now
      this.#send(new Conversation(session, index), 0, sentAt)
    }
  }

  #send(conversation: Conversation, turn: number, sentAt: number): void {
    const { prompt, outputTokens } = conversation.ask(turn)
    const ticket = this.#server.add(prompt, outputTokens)
    const request = { conversation, turn, sentAt, promptTokens: prompt.length, tics: [] }
    if (ticket !== undefined) this.#requests.set(ticket, request)
    else this.#keep(request, { status: 503, error: 'the queue is full', cachedTokens: undefined })
  }

  #token(ticket: Ticket): void {
    const request = this.#requests.get(ticket)
    if (request === undefined) return
    request.tics.push(this.#now)
    if (!ticket.ended) return
    this.#requests.delete(ticket)
    this.#keep(request, { status: 200, error: undefined, cachedTokens: ticket.cached })
    request.conversation.answer(ticket.tokens)
    if (request.turn + 1 < request.conversation.turns)
      this.#send(request.conversation, request.turn + 1, this.#now)
    else this.#arrivals.end()
  }

  #keep(
    { conversation, turn, sentAt, tics, promptTokens }: Request,
    outcome: Pick<Measurement, 'status' | 'error' | 'cachedTokens'>,
  ): void {
    const { group, index: session } = conversation
    const lengths = { promptTokens, completionTokens: tics.length, retryAfter: undefined }
    const endAt = tics.at(-1) ?? sentAt
    this.#measurements.push({ group, session, turn, sentAt, tics, endAt, ...lengths, ...outcome })
    if (outcome.error !== undefined) this.#arrivals.end()
  }
}
