import type { Worker } from 'node:worker_threads'
import { ServingError } from '../../base/errors.ts'
import { startThread } from '../../base/start-thread.ts'
import { ClientGone } from '../sse.ts'
import { parseJsonBody } from './json-body.ts'
import type { JsonShape } from './json-shape.ts'
import type { Parsed } from './json-thread.ts'

/** Bodies up to so many bytes, with up to so many names of fields, are parsed at once: in a millisecond or two. */
const AT_ONCE = { bytes: 262_144, keys: 4000 } as const
/** A thread with nothing to do is ended after so long. */
const IDLE_MS = 10_000

/** A request that may wait for its body to be parsed. */
export interface WaitingBody {
  /** Takes the body out of the queue when its client has left; undefined while it is in none. */
  leave: (() => void) | undefined
}

interface Job {
  readonly pieces: readonly Buffer[]
  readonly bytes: number
  settle(parsed: Parsed): void
}

/**
 * Parses bodies. Large ones are parsed by a thread, one at a time and the shortest first, so that the event loop turns: what
 * is left to do for them here is to copy the result.
 */
export class JsonParser {
  readonly #queue: Job[] = []
  #thread: Worker | undefined
  #running: Job | undefined
  #resting = false
  #idle: NodeJS.Timeout | undefined

  /**
   * @param pieces of a body whose shape is within bounds. Those of a large one are given away: nobody may read them afterwards.
   * @param waiting receives what takes the body out of the queue.
   * @throws ServingError invalid_json, invalid_value. ClientGone when the client has left.
   */
  async parse(
    pieces: readonly Buffer[],
    bytes: number,
    { keys }: JsonShape,
    waiting: WaitingBody,
  ): Promise<unknown> {
    if (bytes <= AT_ONCE.bytes && keys <= AT_ONCE.keys) return parseJsonBody(Buffer.concat(pieces))
    const parsed = await this.#wait(pieces, bytes, waiting)
    if ('value' in parsed) return parsed.value
    throw new ServingError(parsed.code, parsed.message)
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle)
    await this.#thread?.terminate()
  }

  /** Ends a thread with nothing to do. That takes a while: a body that comes meanwhile is for another thread. */
  #endThread(): void {
    const thread = this.#thread
    this.#thread = undefined
    void thread?.terminate()
  }

  #wait(pieces: readonly Buffer[], bytes: number, waiting: WaitingBody): Promise<Parsed> {
    return new Promise((resolve, reject) => {
      const settle = (parsed: Parsed): void => {
        waiting.leave = undefined
        resolve(parsed)
      }
      const job = { pieces, bytes, settle }
      waiting.leave = () => {
        const place = this.#queue.indexOf(job)
        if (place >= 0) this.#queue.splice(place, 1)
        reject(new ClientGone('the client left before its request was read'))
      }
      const place = this.#queue.findIndex((other) => other.bytes > bytes)
      this.#queue.splice(place < 0 ? this.#queue.length : place, 0, job)
      this.#next()
    })
  }

  #next(): void {
    if (this.#running !== undefined || this.#resting) return
    const job = this.#queue.shift()
    if (job === undefined) {
      this.#idle = setTimeout(() => this.#endThread(), IDLE_MS)
      this.#idle.unref()
      return
    }
    clearTimeout(this.#idle)
    this.#running = job
    this.#thread ??= this.#start()
    this.#thread.postMessage(job.pieces, job.pieces.flatMap(ownMemory))
  }

  #start(): Worker {
    const thread = startThread(new URL('json-thread', import.meta.url).href)
    thread.on('message', (parsed: Parsed) => this.#over(parsed))
    thread.on('error', () => this.#lost(thread))
    thread.on('exit', () => this.#lost(thread))
    // A server that is closed need not wait for it.
    thread.unref()
    return thread
  }

  /** Forgets a thread that ran out of memory or was ended, and fails the body that it was parsing. */
  #lost(thread: Worker): void {
    if (this.#thread !== thread) return
    this.#thread = undefined
    if (this.#running !== undefined)
      this.#over({ code: 'internal_error', message: 'The body of your request could not be read' })
  }

  #over(parsed: Parsed): void {
    const job = this.#running
    this.#running = undefined
    job?.settle(parsed)
    // The handler of this body has this turn of the event loop for itself, however fast the thread is.
    this.#resting = true
    setImmediate(() => {
      this.#resting = false
      this.#next()
    })
  }
}

/** Memory that need not be copied for the thread. Node: a piece of a body has memory of its own; a small one may share it. */
function ownMemory({ buffer, length }: Buffer): ArrayBuffer[] {
  return buffer instanceof ArrayBuffer && buffer.byteLength === length ? [buffer] : []
}
