import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import type { Metrics } from '../metrics/metrics.ts'
import type { ChildFrame, ParentFrame } from './child-channel.ts'
import { complaintIn, forked, onLines } from './child-process.ts'
import { type CpuUse, cpuUse } from './cpu-time.ts'
import { memoryKills } from './memory-kills.ts'
import { type Patience, VitalSigns } from './vital-signs.ts'

export interface ChildLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface SupervisedChildOptions<Init, Ready, FromChild> extends Patience {
  /** The process is titled `altiplano NAME`. */
  readonly name: string
  readonly entry: URL
  /** Asked for at each start. */
  readonly init: () => Init
  readonly env?: Readonly<Record<string, string>>
  /** Flags of Node and V8. */
  readonly flags?: readonly string[]
  /** Default: a process of Node's own. */
  readonly fork?: () => ChildProcess
  readonly backoffMs?: { readonly first: number; readonly max: number }
  /** What its memory was planned to be, and what there is: told where the kernel killed it for want of memory. */
  readonly memory?: string
  /** Default: what the system tells. */
  readonly cpuUse?: (pid: number | undefined) => CpuUse | undefined
  readonly log: ChildLog
  readonly metrics: Metrics
  onReady?(ready: Ready, epoch: number): void
  onMessage(message: FromChild, epoch: number): void
  onDown?(loss: Loss): void
}

/** A life that is over. */
export interface Loss {
  readonly epoch: number
  /** The signal or the exit code. */
  readonly cause: string
  /** The same in words, or what the child said of it. */
  readonly reason: string
  /** It had been ready. */
  readonly served: boolean
  /** It did not end by itself: it was taken for hung, and killed by its supervisor. */
  readonly killed: boolean
  /** Lives in a row that ended before they were ready, this one included. */
  readonly failedStarts: number
}

export type ChildState = 'starting' | 'ready' | 'restarting' | 'stopped'

/** A child that has been healthy for so long starts its back-off anew. */
const HEALTHY_MS = 60_000

/** Its pipes are read for so long after its end, at most: on a full machine they are behind it. */
const LAST_WORDS_MS = 3000

/**
 * A forked process that is replaced when it dies or hangs. Each life has an epoch, every message carries it,
 * and nothing of a life that is over is ever delivered.
 */
export class SupervisedChild<Init, ToChild, Ready, FromChild> {
  readonly #options: SupervisedChildOptions<Init, Ready, FromChild>
  readonly #waiting = new Set<(ready: Ready | undefined) => void>()
  #process: ChildProcess | undefined
  #state: ChildState = 'stopped'
  #ready: Ready | undefined
  #epoch = 0
  #restarts = 0
  #wasReady = false
  #failures = 0
  #failedStarts = 0
  /** Whether this life is ended from here. */
  #killed = false
  #memoryKills: number | undefined
  #lastFailure: string | undefined
  /** Why this life ends, where it has said so, or was ended from here. */
  #lastWord: string | undefined
  /** The last line in which this life wrote of an error, or of what failed for it. */
  #complaint: string | undefined
  #vitalSigns: VitalSigns | undefined
  #watchdog: NodeJS.Timeout | undefined
  #restart: NodeJS.Timeout | undefined

  constructor(options: SupervisedChildOptions<Init, Ready, FromChild>) {
    this.#options = options
  }

  get state(): ChildState {
    return this.#state
  }
  /** What the child said when it became ready; undefined while it is not. */
  get ready(): Ready | undefined {
    return this.#ready
  }
  /** Whether any life of it has been ready. */
  get wasReady(): boolean {
    return this.#wasReady
  }
  get pid(): number | undefined {
    return this.#process?.pid
  }
  get epoch(): number {
    return this.#epoch
  }
  get restarts(): number {
    return this.#restarts
  }
  /** Why the child is not there; undefined once it is ready again. */
  get lastFailure(): string | undefined {
    return this.#lastFailure
  }

  start(): void {
    if (this.#process !== undefined) return
    const { name, entry, init, env, flags, fork = () => forked(entry, env, flags) } = this.#options
    const epoch = ++this.#epoch
    this.#complaint = this.#lastWord = undefined
    this.#state = this.#restarts === 0 ? 'starting' : 'restarting'
    this.#killed = false
    this.#memoryKills = memoryKills()
    const child = fork()
    this.#process = child
    const { cpuUse: usedCpu = cpuUse } = this.#options
    this.#vitalSigns = new VitalSigns(this.#options, () => usedCpu(child.pid))
    onLines(child, (line) => this.#hearLine(line))
    child.on('message', (frame: ChildFrame) => {
      // Node may tell of an exit before it has told all that was said.
      if (child === this.#process && frame.epoch === epoch) this.#hear(frame)
    })
    child.once('error', (error) => this.#down(epoch, error.message))
    child.once('exit', (code, signal) => {
      const down = (): void => this.#down(epoch, signal === null ? `exit code ${code}` : signal)
      if (this.#ready !== undefined || child.stderr === null) return down()
      // Why it never came up is in what it wrote last, which may arrive after the exit.
      Promise.race([once(child, 'close'), pause(LAST_WORDS_MS)]).then(down, down)
    })
    this.#post({ kind: 'init', epoch, name, init: init() })
    // Immediates run when what has arrived has been read.
    this.#watchdog = setInterval(() => setImmediate(() => this.#watch(epoch)), 500)
    this.#watchdog.unref()
  }

  /** False when there is no ready child to take it. */
  send(message: ToChild): boolean {
    if (this.#ready === undefined) return false
    return this.#post({ kind: 'message', epoch: this.#epoch, message })
  }

  /** Ends this life at once; the next begins after the back-off. */
  kill(cause: string): void {
    this.#lastWord = this.#lastFailure = cause
    this.#killed = true
    this.#process?.kill('SIGKILL')
  }

  /** @throws Error when the child is not ready in time. */
  whenReady(timeoutMs: number): Promise<Ready> {
    // One whose channel is closed is over, though its exit has not been told yet.
    if (this.#ready !== undefined && this.#process?.connected !== false) return Promise.resolve(this.#ready)
    return new Promise((resolve, reject) => {
      const settle = (ready: Ready | undefined): void => {
        clearTimeout(timer)
        this.#waiting.delete(settle)
        if (ready === undefined)
          reject(
            new Error(
              `the ${this.#options.name} process is not ready: ${this.#lastFailure ?? 'it is starting'}`,
            ),
          )
        else resolve(ready)
      }
      const timer = setTimeout(() => settle(undefined), timeoutMs)
      this.#waiting.add(settle)
    })
  }

  /** Asks the child to close, and kills it after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#state = 'stopped'
    this.#ready = undefined
    clearTimeout(this.#restart)
    clearInterval(this.#watchdog)
    const child = this.#process
    // It may be over, with its last words still to be read.
    if (child === undefined || (child.exitCode ?? child.signalCode) !== null) return
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    this.#post({ kind: 'close', epoch: this.#epoch })
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
    await exited
    clearTimeout(timer)
  }

  #watch(epoch: number): void {
    if (epoch !== this.#epoch || this.#process === undefined || this.#killed) return
    const cause = this.#vitalSigns?.hang(this.#ready !== undefined)
    if (cause !== undefined) this.kill(cause)
  }

  #hear(frame: ChildFrame): void {
    this.#vitalSigns?.hear(frame)
    if (frame.kind === 'message') this.#options.onMessage(frame.message as FromChild, frame.epoch)
    else if (frame.kind === 'fatal') this.#lastWord = frame.message
    else if (frame.kind === 'ready' && this.#state !== 'stopped') {
      this.#state = 'ready'
      this.#wasReady = true
      this.#failedStarts = 0
      this.#ready = frame.ready as Ready
      this.#lastFailure = undefined
      this.#options.onReady?.(this.#ready, frame.epoch)
      for (const settle of [...this.#waiting]) settle(this.#ready)
    }
  }

  #down(epoch: number, cause: string): void {
    if (epoch !== this.#epoch || this.#process === undefined) return
    const served = this.#ready !== undefined
    this.#process = undefined
    this.#ready = undefined
    clearInterval(this.#watchdog)
    const { name, log, metrics, backoffMs = { first: 100, max: 10_000 } } = this.#options
    if (this.#state === 'stopped') return
    const complaint = served || this.#complaint === undefined ? '' : `; it wrote: ${this.#complaint}`
    const reason = `${this.#lastWord ?? this.#endInWords(cause)}${complaint}`
    this.#lastFailure = reason
    log.warn({ child: name, epoch, cause, reason }, 'child down')
    this.#failures = (this.#vitalSigns?.ageMs ?? 0) > HEALTHY_MS ? 0 : this.#failures + 1
    if (!served) this.#failedStarts++
    this.#state = 'restarting'
    this.#restarts++
    metrics.childRestarts.inc({ process: name })
    const killed = this.#killed
    this.#options.onDown?.({ epoch, cause, reason, served, killed, failedStarts: this.#failedStarts })
    const wait = Math.min(backoffMs.max, backoffMs.first * 2 ** Math.max(0, this.#failures - 1))
    this.#restart = setTimeout(() => this.start(), wait)
  }

  #endInWords(cause: string): string {
    const { name, memory } = this.#options
    const ended = `the ${name} process ended: ${cause}`
    if (cause !== 'SIGKILL' && cause !== 'exit code 137') return ended
    const kills = memoryKills()
    if (kills === undefined || kills <= (this.#memoryKills ?? 0)) return ended
    const killed = `the kernel killed the ${name} process for want of memory (${cause})`
    return memory === undefined ? killed : `${killed}: ${memory}`
  }

  #post(frame: ParentFrame): boolean {
    const child = this.#process
    if (child === undefined || !child.connected) return false
    child.send(frame, () => undefined)
    return true
  }

  #hearLine(line: string): void {
    if (line.trim() === '') return
    const complaint = complaintIn(line)
    // llama.cpp tells the error first, and then of all that failed for it.
    if (complaint !== undefined && !(isError(this.#complaint) && !isError(complaint)))
      this.#complaint = complaint
    this.#options.log.info({ child: this.#options.name }, line.slice(0, 2000))
  }
}

function isError(line = ''): boolean {
  return /\berror\b/i.test(line)
}
