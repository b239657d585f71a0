import type { ChildProcess } from 'node:child_process'
import { vi } from 'vitest'
import type { Metrics } from '../../src/metrics/metrics.ts'
import { SupervisedChild } from '../../src/process/supervised-child.ts'
import type {
  EngineCommand,
  EngineMessage,
  EngineReady,
  StepMessage,
} from '../../src/protocol/engine-messages.ts'
import type { Settings } from './case.ts'
import { EngineHost } from './engine-host.ts'
import type { Observer } from './judged-engine.ts'

const silent = { info: () => undefined, warn: () => undefined }
const NEVER = Number.POSITIVE_INFINITY

export interface Gateway {
  onReady(): void
  onStep(step: StepMessage): void
  /** An engine that had been ready is gone. */
  onLost(): void
}

/** The supervisor, and what it takes for a process; what they say to each other is on its way until settle(). */
export class EngineLink {
  /** Nothing arrives. */
  held = false
  readonly #child: SupervisedChild<object, EngineCommand, EngineReady, EngineMessage>
  #host: EngineHost | undefined

  constructor(settings: Settings, observer: Observer, gateway: Gateway, metrics: Metrics) {
    this.#child = new SupervisedChild({
      name: 'engine',
      entry: new URL('file:///none'),
      fork: () => {
        this.#host = new EngineHost(settings, observer)
        // Of a process, the supervisor uses what a host has.
        return this.#host as unknown as ChildProcess
      },
      init: () => ({}),
      heartbeatTimeoutMs: NEVER,
      progressTimeoutMs: NEVER,
      startTimeoutMs: NEVER,
      backoffMs: { first: 1, max: 4 },
      log: silent,
      metrics,
      onReady: () => gateway.onReady(),
      onMessage: (message) => {
        if (message.type === 'step') gateway.onStep(message)
      },
      onDown: ({ served }) => {
        if (served) gateway.onLost()
      },
    })
  }

  get ready(): EngineReady | undefined {
    return this.#child.ready
  }
  get engine() {
    return this.#host?.engine
  }
  get scheduler() {
    return this.#host?.scheduler
  }

  send(command: EngineCommand): boolean {
    return this.#child.send(command)
  }

  start(): void {
    this.#child.start()
  }

  /** @param heardLate whether it says what it had to say after its end, and again when another one has begun. */
  crash(heardLate: boolean): void {
    const host = this.#host
    host?.die('SIGKILL')
    if (heardLate) host?.speak()
    vi.advanceTimersByTime(heardLate ? 5 : 0)
    if (heardLate) host?.speak()
  }

  /** What is on its way arrives, and what it leads to happens. */
  async settle(): Promise<void> {
    for (let round = 0; round < 2; round++) {
      if (!this.held) {
        this.#host?.hear()
        this.#host?.speak()
      }
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
  }
}
