import { createServer, connect as dial, type Server, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { listenOn } from '../../../base/listen.ts'
import type { Endpoint } from '../../../config/kv-events-endpoint.ts'
import { Peer, type PeerEvents, type SocketType } from './peer.ts'

export interface SocketLog {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface ZmqSocketOptions {
  readonly type: SocketType
  readonly endpoint: Endpoint
  /** The flag that names the endpoint. */
  readonly flag: string
  readonly log: SocketLog
  onMessage(peer: Peer, frames: readonly Buffer[]): void
  onCaughtUp?(peer: Peer): void
  onGone?(peer: Peer): void
}

const ANYWHERE = '*'
const MAX_PEERS = 64
const FAREWELL_MS = 500
const REDIAL_MS = { first: 100, most: 5000 }

/** A ZeroMQ socket: it listens for peers, or dials one until it answers. It keeps no process alive. */
export class ZmqSocket {
  readonly #options: ZmqSocketOptions
  readonly #peers = new Set<Peer>()
  #server: Server | undefined
  #redial: NodeJS.Timeout | undefined
  #wait = REDIAL_MS.first
  #closed = false

  private constructor(options: ZmqSocketOptions) {
    this.#options = options
  }

  /** @throws ConfigError when it cannot listen there. */
  static async open(options: ZmqSocketOptions): Promise<ZmqSocket> {
    const socket = new ZmqSocket(options)
    const { host = ANYWHERE, port } = options.endpoint
    if (options.endpoint.listens) await listenOn(socket, { host, port, portFlag: options.flag })
    else socket.#dial()
    return socket
  }

  get peers(): ReadonlySet<Peer> {
    return this.#peers
  }

  /** Port on which it listens. */
  get port(): number | undefined {
    const address = this.#server?.address()
    return typeof address === 'object' ? address?.port : undefined
  }

  /** Listens. Resolves to the address. */
  listen(host: string, port: number): Promise<string> {
    const server = createServer((socket) => {
      if (this.#peers.size < MAX_PEERS) this.#meet(socket)
      else socket.destroy()
    })
    this.#server = server.unref()
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      // Node finds out by itself whether there is IPv6.
      const where = host === ANYWHERE ? { port } : { host, port }
      server.listen(where, () => resolve(`tcp://${host}:${this.port}`))
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#redial)
    this.#server?.close()
    for (const peer of this.#peers) peer.end()
    const gone = Promise.all([...this.#peers].map((peer) => peer.gone))
    await Promise.race([gone, pause(FAREWELL_MS, undefined, { ref: false })])
    for (const peer of this.#peers) peer.leave()
  }

  #dial(): void {
    const { host = '127.0.0.1', port } = this.#options.endpoint
    this.#meet(dial(port, host))
  }

  #meet(socket: Socket): void {
    socket.unref()
    const { type, log, onMessage, onCaughtUp, onGone, endpoint } = this.#options
    const events: PeerEvents = {
      onMessage: (peer, frames) => {
        this.#wait = REDIAL_MS.first
        onMessage(peer, frames)
      },
      onCaughtUp: (peer) => onCaughtUp?.(peer),
      onGone: (peer, reason) => {
        this.#peers.delete(peer)
        onGone?.(peer)
        if (endpoint.listens && reason !== undefined) log.debug({ reason }, `lost a peer of ${type}`)
        if (!endpoint.listens && !this.#closed) this.#dialLater(reason)
      },
    }
    this.#peers.add(new Peer(socket, type, events))
  }

  /** Dials again later. Logged once an outage. */
  #dialLater(reason: string | undefined): void {
    const { host, port } = this.#options.endpoint
    if (this.#wait === REDIAL_MS.first)
      this.#options.log.warn({ to: `${host}:${port}`, reason }, 'KV events have no reader')
    this.#redial = setTimeout(() => this.#dial(), this.#wait)
    this.#redial.unref()
    this.#wait = Math.min(REDIAL_MS.most, this.#wait * 2)
  }
}
