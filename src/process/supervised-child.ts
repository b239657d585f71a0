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
  /** Makes the init message of each start. */
  readonly init: () => Init
  readonly env?: Readonly<Record<string, string>>
  /** Flags of Node and V8. */
  readonly flags?: readonly string[]
  /** Makes the process. Default: forks Node. */
  readonly fork?: () => ChildProcess
  readonly backoffMs?: { readonly first: number; readonly max: number }
  /** Planned and available memory in words, for the reason of a life that the kernel killed for want of memory. */
  readonly memory?: string
  /** Reads a process's CPU use. Default: from the system. */
  readonly cpuUse?: (pid: number | undefined) => CpuUse | undefined
  readonly log: ChildLog
  readonly metrics: Metrics
  onReady?(ready: Ready, epoch: number): void
  onMessage(message: FromChild, epoch: number): void
  onDown?(loss: Loss): void
}

/** The end of one life of a child. */
export interface Loss {
  readonly epoch: number
  /** The signal or the exit code. */
  readonly cause: string
  /** The cause in words, or the child's own message. */
  readonly reason: string
  /** Whether it had been ready. */
  readonly served: boolean
  /** Whether its supervisor took it for hung and killed it. */
  readonly killed: boolean
  /** Lives in a row that ended before they were ready, this one included. */
  readonly failedStarts: number
}

export type ChildState = 'starting' | 'ready' | 'restarting' | 'stopped'

/** Milliseconds of life after which the back-off starts anew. */
const HEALTHY_MS = 60_000

/** Milliseconds at most that a child's pipes are read after its end: on a full machine they are late. */
const LAST_LINES_MS = 3000

/**
 * A forked process that is replaced when it dies or hangs. Each life has an epoch, every message carries it,
 * and no message of an earlier life is ever delivered.
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
  /** Whether kill() ends this life. */
  #killed = false
  #memoryKills: number | undefined
  #lastFailure: string | undefined
  /** Why this life ends: the child's own fatal message, or the cause given to kill(). */
  #endReason: string | undefined
  /** The last line in which this life wrote of an error, or of a failure that followed from it. */
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
  /** The child's ready message; undefined while it is not ready. */
  get ready(): Ready | undefined {
    return this.#ready
  }
  /** Whether any life of the child has been ready. */
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
    this.#complaint = this.#endReason = undefined
    this.#state = this.#restarts === 0 ? 'starting' : 'restarting'
    this.#killed = false
    this.#memoryKills = memoryKills()
    const child = fork()
    this.#process = child
    const { cpuUse: usedCpu = cpuUse } = this.#options
    this.#vitalSigns = new VitalSigns(this.#options, () => usedCpu(child.pid))
    onLines(child, (line) => this.#onLine(line))
    child.on('message', (frame: ChildFrame) => {
      // Node may emit an exit before the last messages.
      if (child === this.#process && frame.epoch === epoch) this.#onFrame(frame)
    })
    child.once('error', (error) => this.#down(epoch, error.message))
    child.once('exit', (code, signal) => {
      const down = (): void => this.#down(epoch, signal === null ? `exit code ${code}` : signal)
      if (this.#ready !== undefined || child.stderr === null) return down()
      // Why it never came up is in what it wrote last, which may arrive after the exit.
      Promise.race([once(child, 'close'), pause(LAST_LINES_MS)]).then(down, down)
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
    this.#endReason = this.#lastFailure = cause
    this.#killed = true
    this.#process?.kill('SIGKILL')
  }

  /** @throws Error when the child is not ready in time. */
  whenReady(timeoutMs: number): Promise<Ready> {
    // A child whose channel is closed is over, though Node has not emitted its exit yet.
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
    // It may be over, with its last lines still to be read.
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

  #onFrame(frame: ChildFrame): void {
    this.#vitalSigns?.onFrame(frame)
    if (frame.kind === 'message') this.#options.onMessage(frame.message as FromChild, frame.epoch)
    else if (frame.kind === 'fatal') this.#endReason = frame.message
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
    const reason = `${this.#endReason ?? this.#endInWords(cause)}${complaint}`
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

  #onLine(line: string): void {
    if (line.trim() === '') return
    const complaint = complaintIn(line)
    // llama.cpp writes the error first, and then each failure that followed from it.
    if (complaint !== undefined && !(isError(this.#complaint) && !isError(complaint)))
      this.#complaint = complaint
    this.#options.log.info({ child: this.#options.name }, line.slice(0, 2000))
  }
}

function isError(line = ''): boolean {
  return /\berror\b/i.test(line)
}
