import { setImmediate as reads } from 'node:timers/promises'
import { awakeNow, whenAwakeFor } from '../base/awake-clock.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { type CpuUse, cpuUse } from '../process/cpu-time.ts'
import { type ChildLog, type Loss, SupervisedChild } from '../process/supervised-child.ts'
import type {
  TextAnswer,
  TextCall,
  TextInit,
  TextReady,
  TextRequest,
  TextResponse,
  TextTurn,
} from '../protocol/text-messages.ts'
import { type QueuedCall, TextQueue } from './text-queue.ts'

export interface TextWorkerOptions {
  /** The process is titled `altiplano NAME`. */
  readonly name: string
  readonly entry: URL
  readonly init: TextInit
  readonly log: ChildLog
  readonly metrics: Metrics
  readonly onReady?: (() => void) | undefined
  /** Called when the process ended, unless a call took too long: that is the call's fault. */
  readonly onCrash?: ((loss: Loss) => void) | undefined
  /** CPU that one call may take, in milliseconds, plus a second for each MB of text. Default 2 s. */
  readonly budgetMs?: number | undefined
  /** Multiple of its budget that a call may take by the clock, on a machine that has little CPU for it. */
  readonly clockShare: number
  /** Milliseconds that calls wait for a process that is not there, from their turn on. Default 10 s. */
  readonly patienceMs?: number | undefined
  /** Milliseconds without any work after which a process is taken for hung. Default 5 s. */
  readonly quietMs?: number | undefined
  /** Reads a process's CPU use. Default: from the system. */
  readonly cpuUse?: ((pid: number | undefined) => CpuUse | undefined) | undefined
}

const PATIENCE_MS = 10_000
/** Milliseconds without CPU after which a waiting process hangs. On a full machine a long answer takes seconds to get through. */
const QUIET_MS = 5000
/** Milliseconds between two looks at a call's CPU, which is counted in ticks: looking more often would show nothing. */
const LOOK_AGAIN_MS = { least: 50, most: 500 }

const TOO_LONG = 'the text took too long to process'

interface Call extends QueuedCall {
  readonly body: TextCall
  readonly most: number | undefined
  /** Milliseconds, monotonic. */
  readonly since: number
  answer(answer: TextAnswer): void
}

interface Outcome {
  readonly answer: TextAnswer
  readonly cpuMs: number
}

/**
 * One text process, and the calls that wait for it: it gets one at a time. Each has a budget that begins with its turn, and is sent
 * once more when the process dies during it.
 */
export class TextWorker {
  readonly child: SupervisedChild<TextInit, TextRequest, TextReady, TextResponse>
  readonly #options: TextWorkerOptions
  readonly #budgetMs: number
  readonly #cpuUse: (pid: number | undefined) => CpuUse | undefined
  readonly #queue = new TextQueue<Call>()
  /** The call that runs. */
  #running: { readonly call: number; settle(outcome: Outcome | 'down'): void } | undefined
  #calls = 0
  /** Whether this life of the process was ended for a call that took too long. */
  #ended = false
  #working = false

  constructor(options: TextWorkerOptions) {
    const { name, entry, init, log, metrics, onReady, onCrash } = options
    this.#options = options
    this.#budgetMs = options.budgetMs ?? 2000
    this.#cpuUse = options.cpuUse ?? cpuUse
    this.child = new SupervisedChild({
      name,
      entry,
      init: () => init,
      // See PeriodicGc.
      flags: ['--expose-gc'],
      log,
      metrics,
      // It is deaf while it works, and for how long it may work is each call's budget.
      heartbeatTimeoutMs: Number.POSITIVE_INFINITY,
      ...(onReady && { onReady }),
      onMessage: ({ call, body, cpuMs }) => {
        if (this.#running?.call === call) this.#running.settle({ answer: body, cpuMs })
      },
      onDown: (loss) => {
        this.#running?.settle('down')
        if (!this.#ended) onCrash?.(loss)
        this.#ended = false
      },
    })
  }

  /**
   * Queues a call. Never rejects for a failure of the text process: that is an answer.
   * @param size characters of the call. @throws the reason with which the turn's signal aborts.
   */
  call(body: TextCall, size: number, { share, signal, bulk = false, most }: TextTurn): Promise<TextAnswer> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const drop = (): void => {
        this.#queue.leave(call)
        reject(signal.reason)
      }
      const call: Call = {
        share: bulk ? { ...share, priority: share.priority + 1 } : share,
        kind: body.type === 'prepare' && body.constraint !== undefined ? 'grammar' : 'text',
        size,
        body,
        most,
        since: performance.now(),
        answer: (answer) => {
          signal.removeEventListener('abort', drop)
          resolve(answer)
        },
      }
      const retryAfterMs = this.#queue.enter(call)
      if (retryAfterMs !== undefined) return resolve(busy(retryAfterMs))
      signal.addEventListener('abort', drop, { once: true })
      void this.#work()
    })
  }

  async #work(): Promise<void> {
    if (this.#working) return
    this.#working = true
    while (this.#queue.size > 0) {
      const since = performance.now()
      const absence = await this.#absence()
      if (absence === undefined) await this.#serveNext()
      else this.#fail(absence, since)
    }
    this.#working = false
  }

  /** Answers the calls that came before `since`, when the wait for the process began. */
  #fail(answer: TextAnswer, since: number): void {
    for (const call of [...this.#queue.waiting()]) {
      if (call.since <= since && this.#queue.leave(call)) call.answer(answer)
    }
  }

  /** Waits for the process. Resolves to the answer that reports its absence; undefined when it is there. */
  async #absence(): Promise<TextAnswer | undefined> {
    try {
      await this.child.whenReady(this.#options.patienceMs ?? PATIENCE_MS)
    } catch (error) {
      // A ready message may have arrived and not been read yet.
      await reads()
      if (this.child.ready !== undefined) return undefined
      return failed(error instanceof Error ? error.message : String(error), 'not_ready')
    }
    return undefined
  }

  async #serveNext(): Promise<void> {
    const call = this.#queue.next()
    if (call === undefined) return
    const startedAt = awakeNow()
    const { answer, cpuMs } = await this.#attempts(call).catch((error: Error) => ({
      // The queue goes on, whatever this is.
      answer: failed(error.message),
      cpuMs: 0,
    }))
    const tookMs = awakeNow() - startedAt
    this.#queue.done(call, cpuMs, tookMs)
    call.answer(answer)
  }

  async #attempts(call: Call): Promise<Outcome> {
    let cpuMs = 0
    for (let attempt = 0; attempt < 2; attempt++) {
      const absence = await this.#absence()
      if (absence !== undefined) return { answer: absence, cpuMs }
      const startedAt = awakeNow()
      const outcome = await this.#once(call)
      if (outcome !== 'down') return outcome
      cpuMs += awakeNow() - startedAt
    }
    return { answer: failed('the text process ended twice over this request'), cpuMs }
  }

  #once({ body, size, most }: Call): Promise<Outcome | 'down'> {
    const { clockShare, quietMs = QUIET_MS } = this.#options
    const call = ++this.#calls
    return new Promise((resolve) => {
      const settle = (outcome: Outcome | 'down'): void => {
        callOff()
        this.#running = undefined
        resolve(outcome)
      }
      const end = (answer: TextAnswer, cpuMs: number, cause: string): void => {
        settle({ answer, cpuMs })
        this.#ended = true
        this.child.kill(cause)
      }
      const budgetMs = this.#budgetMs + size / 1000
      const startedAt = awakeNow()
      const before = this.#cpuUse(this.child.pid)?.usedMs ?? 0
      let active = { usedMs: before, at: startedAt }
      const look = (): void => {
        const { usedMs, computes } = this.#cpuUse(this.child.pid) ?? { usedMs: Infinity, computes: true }
        const now = awakeNow()
        const used = usedMs - before
        const tookMs = Math.round(now - startedAt)
        if (computes || usedMs > active.usedMs) active = { usedMs, at: now }
        if (used >= budgetMs)
          end(failed(TOO_LONG, 'costly'), Math.min(used, tookMs), 'a call outran its budget')
        // Not this call's fault: the next process is asked again.
        else if (now - active.at >= quietMs) this.child.kill(`no answer for ${tookMs} ms, and no work done`)
        else if (tookMs >= clockShare * budgetMs) {
          const cause = `a call got ${used} ms of CPU in ${tookMs} ms`
          end(failed(cause, 'starved'), used, cause)
        } else callOff = whenAwakeFor(lookAgainIn(budgetMs - used), look)
      }
      let callOff = whenAwakeFor(Math.min(budgetMs, quietMs), look)
      this.#running = { call, settle }
      if (!this.child.send({ call, body, most })) settle('down')
    })
  }
}

function lookAgainIn(leftMs: number): number {
  return Math.min(Math.max(LOOK_AGAIN_MS.least, leftMs), LOOK_AGAIN_MS.most)
}

type FailedAnswer = Extract<TextAnswer, { type: 'error' }>

function failed(message: string, code: FailedAnswer['code'] = 'failed'): TextAnswer {
  return { type: 'error', code, message }
}

/** The answer to a call for which the queue has no room. */
export function busy(retryAfterMs: number): TextAnswer {
  return { type: 'error', code: 'busy', message: 'too many texts wait to be read', retryAfterMs }
}
