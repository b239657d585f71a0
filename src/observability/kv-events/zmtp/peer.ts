import type { Socket } from 'node:net'
import {
  checkGreeting,
  command,
  type Frame,
  GREETING_BYTES,
  greeting,
  properties,
  property,
  readCommand,
  takeFrame,
} from './frames.ts'

export interface PeerEvents {
  onMessage(peer: Peer, frames: readonly Buffer[]): void
  /** Called when a peer for which messages were dropped can take messages again. */
  onCaughtUp(peer: Peer): void
  /** Called when the connection is closed, with the reason where this side or an error closed it. */
  onGone(peer: Peer, reason: string | undefined): void
}

/** Types of sockets, and the types they talk with. */
const PARTNERS = { PUB: ['SUB', 'XSUB'], ROUTER: ['DEALER', 'REQ', 'ROUTER'] } as const
export type SocketType = keyof typeof PARTNERS

/** Unsent bytes from which messages to a peer are dropped. */
const MAX_WAITING = 8 << 20
const MAX_FRAMES = 8
const HANDSHAKE_MS = 10_000
const KEEP_ALIVE_MS = 30_000

/** One connection of a ZeroMQ socket. Malformed input ends it, and nothing else. */
export class Peer {
  readonly #socket: Socket
  readonly #type: SocketType
  readonly #events: PeerEvents
  #arrived: Buffer = Buffer.alloc(0)
  #stage: 'greeting' | 'handshake' | 'ready' = 'greeting'
  #frames: Buffer[] = []
  #lagging = false
  #reason: string | undefined
  readonly gone: Promise<void>

  constructor(socket: Socket, type: SocketType, events: PeerEvents) {
    this.#socket = socket
    this.#type = type
    this.#events = events
    socket.setNoDelay(true)
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    socket.setTimeout(HANDSHAKE_MS, () => this.leave('no handshake in time'))
    socket.on('data', (bytes) => this.#onBytes(bytes))
    socket.on('drain', () => {
      if (!this.#lagging) return
      this.#lagging = false
      events.onCaughtUp(this)
    })
    socket.on('error', (error) => {
      this.#reason ??= error.message
    })
    this.gone = new Promise((resolve) =>
      socket.on('close', () => {
        events.onGone(this, this.#reason)
        resolve()
      }),
    )
    socket.write(greeting())
  }

  /** Sends a message. False when it was dropped: the peer reads too slowly, or its handshake is not done. */
  send(message: Buffer): boolean {
    if (this.#stage !== 'ready' || this.#socket.destroyed) return false
    if (this.#socket.writableLength > MAX_WAITING) this.#lagging = true
    else this.#socket.write(message)
    return !this.#lagging
  }

  /** Resolves when the peer has taken all that was sent, or is gone. */
  async caughtUp(): Promise<void> {
    if (!this.#socket.writableNeedDrain || this.#socket.destroyed) return
    await Promise.race([this.gone, new Promise((resolve) => this.#socket.once('drain', resolve))])
  }

  leave(reason?: string): void {
    this.#reason ??= reason
    this.#socket.destroy()
  }

  /** Closes the connection after the peer has read what was sent. */
  end(): void {
    this.#socket.end()
  }

  #onBytes(bytes: Buffer): void {
    this.#arrived = this.#arrived.length === 0 ? bytes : Buffer.concat([this.#arrived, bytes])
    try {
      if (this.#stage === 'greeting' && !this.#greet()) return
      for (let taken = takeFrame(this.#arrived); taken !== undefined; taken = takeFrame(this.#arrived)) {
        this.#arrived = taken.rest
        this.#onFrame(taken.frame)
      }
    } catch (error) {
      this.leave((error as Error).message)
    }
  }

  #greet(): boolean {
    if (this.#arrived.length < GREETING_BYTES) return false
    checkGreeting(this.#arrived)
    this.#arrived = this.#arrived.subarray(GREETING_BYTES)
    this.#stage = 'handshake'
    this.#socket.write(command('READY', property('Socket-Type', this.#type)))
    return true
  }

  #onFrame({ command: isCommand, more, body }: Frame): void {
    if (isCommand) {
      this.#onCommand(body)
      return
    }
    if (this.#stage !== 'ready') throw new Error('it speaks before it is ready')
    // A copy: the frame lies in a larger piece of memory that is not to be kept for it.
    this.#frames.push(Buffer.from(body))
    if (this.#frames.length > MAX_FRAMES) throw new Error('a message has too many frames')
    if (!more) this.#events.onMessage(this, this.#frames.splice(0))
  }

  #onCommand(body: Buffer): void {
    const { name, data } = readCommand(body)
    // ZMTP 3.1: two bytes of its patience, then what the answer has to hold.
    if (name === 'PING') this.#socket.write(command('PONG', data.subarray(2, 18)))
    if (name === 'ERROR') throw new Error('it refused the handshake')
    if (name !== 'READY' || this.#stage !== 'handshake') return
    const partner = properties(data).get('socket-type') ?? ''
    if (!(PARTNERS[this.#type] as readonly string[]).includes(partner))
      throw new Error(`a ${partner} socket has no business here`)
    this.#stage = 'ready'
    this.#socket.setTimeout(0)
  }
}
