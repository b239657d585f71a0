import { mapStrings } from '../text/control-tokens.ts'
import { type CpuUse, cpuUse } from './cpu-time.ts'
import type { TextAnswer, TextCall, TextInit, TextReady, TextRequest, TextResponse } from './protocol.ts'
import { type ChildLog, type Loss, SupervisedChild } from './supervised-child.ts'

export interface TextClientOptions {
  readonly entry: URL
  readonly init: TextInit
  readonly log: ChildLog
  readonly onReady?: () => void
  /** The process has ended, and not because a call took too long: that is the call's fault. */
  readonly onCrash?: (loss: Loss) => void
  /** What one call may take of a ready child's CPU, plus a second for each MB of text. Default 2 s. */
  readonly budgetMs?: number
  /** Default: what the system tells. */
  readonly cpuUse?: (pid: number | undefined) => CpuUse | undefined
}

const WAIT_FOR_CHILD_MS = 10_000
/** A process that used less of a call's budget than this in as much time, and waits for somebody, hangs. */
const IDLE_SHARE = 0.25
/** How often its budget a call may take by the clock, on a machine that has little CPU for it. */
const CLOCK_SHARE = 5
/** CPU is told in ticks: looking more often would tell nothing. */
const LOOK_AGAIN_MS = 50

interface Pending {
  settle(answer: TextAnswer | 'down'): void
}

/**
 * Calls into the text process, one after the other: each has a budget that begins when its turn comes,
 * and is asked again once when the process dies under it.
 */
export class TextClient {
  readonly child: SupervisedChild<TextInit, TextRequest, TextReady, TextResponse>
  readonly #budgetMs: number
  readonly #cpuUse: (pid: number | undefined) => CpuUse | undefined
  readonly #pending = new Map<number, Pending>()
  #calls = 0
  /** Whether this life of the process was ended here. */
  #ended = false
  #lastTurn: Promise<unknown> = Promise.resolve()

  constructor(options: TextClientOptions) {
    const { entry, init, log, onReady, onCrash } = options
    this.#budgetMs = options.budgetMs ?? 2000
    this.#cpuUse = options.cpuUse ?? cpuUse
    this.child = new SupervisedChild({
      name: 'text',
      entry,
      init: () => init,
      // See Tidying.
      flags: ['--expose-gc'],
      log,
      // It is deaf while it works, and for how long it may work is each call's budget.
      heartbeatTimeoutMs: Number.POSITIVE_INFINITY,
      ...(onReady && { onReady }),
      onMessage: ({ call, body }) => this.#pending.get(call)?.settle(body),
      onDown: (loss) => {
        for (const pending of this.#pending.values()) pending.settle('down')
        if (!this.#ended) onCrash?.(loss)
        this.#ended = false
      },
    })
  }

  /** Never rejects for what the text process did: its failure is an answer. A call whose signal aborts before its turn is dropped. */
  call(body: TextCall, signal?: AbortSignal): Promise<TextAnswer> {
    const patience = performance.now() + WAIT_FOR_CHILD_MS
    const turn = this.#lastTurn.then(() => this.#attempts(body, patience, signal))
    this.#lastTurn = turn.catch(() => undefined)
    return turn
  }

  async #attempts(body: TextCall, patience: number, signal?: AbortSignal): Promise<TextAnswer> {
    for (let attempt = 0; attempt < 2; attempt++) {
      signal?.throwIfAborted()
      try {
        await this.child.whenReady(Math.max(0, patience - performance.now()))
      } catch (error) {
        return failed(error instanceof Error ? error.message : String(error), 'not_ready')
      }
      const answer = await this.#once(body)
      if (answer !== 'down') return answer
    }
    return failed('the text process ended twice over this request')
  }

  #once(body: TextCall): Promise<TextAnswer | 'down'> {
    const call = ++this.#calls
    return new Promise((resolve) => {
      const settle = (answer: TextAnswer | 'down'): void => {
        clearTimeout(timer)
        this.#pending.delete(call)
        resolve(answer)
      }
      const end = (answer: TextAnswer, cause: string): void => {
        settle(answer)
        this.#ended = true
        this.child.kill(cause)
      }
      const budgetMs = this.#budgetMs + sizeOf(body) / 1000
      const started = performance.now()
      const before = this.#cpuUse(this.child.pid)?.usedMs ?? 0
      const look = (): void => {
        const { usedMs, computes } = this.#cpuUse(this.child.pid) ?? { usedMs: Infinity, computes: true }
        const used = usedMs - before
        const tookMs = Math.round(performance.now() - started)
        if (used >= budgetMs)
          end(failed('the text took too long to process', 'costly'), 'a call outran its budget')
        // Not this call's fault: the next process is asked again.
        else if (!computes && used < IDLE_SHARE * budgetMs)
          this.child.kill(`no answer for ${tookMs} ms, and no work done`)
        else if (tookMs >= CLOCK_SHARE * budgetMs) {
          const cause = `a call got ${used} ms of CPU in ${tookMs} ms`
          end(failed(cause, 'starved'), cause)
        } else timer = setTimeout(look, Math.max(LOOK_AGAIN_MS, budgetMs - used))
      }
      let timer = setTimeout(look, budgetMs)
      this.#pending.set(call, { settle })
      if (!this.child.send({ call, body })) settle('down')
    })
  }
}

/** Characters that the text process has to read. */
function sizeOf({ type, ...body }: TextCall): number {
  let size = 0
  mapStrings(body, (text) => {
    size += text.length
    return text
  })
  return size
}

type FailedAnswer = Extract<TextAnswer, { type: 'error' }>

function failed(message: string, code: FailedAnswer['code'] = 'failed'): TextAnswer {
  return { type: 'error', code, message }
}
