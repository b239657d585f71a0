import type { Metrics } from '../../metrics/metrics.ts'
import { message } from './zmtp/frames.ts'
import type { Peer } from './zmtp/peer.ts'
import { ZmqSocket, type ZmqSocketOptions } from './zmtp/socket.ts'

export type PublisherOptions = Pick<ZmqSocketOptions, 'endpoint' | 'flag' | 'log'> & {
  readonly topic: string
  readonly metrics: Metrics
  /** Called when a subscriber begins to get messages, or gets them again: it has missed earlier ones. */
  readonly onListener: () => void
}

const MAX_SUBSCRIPTIONS = 16

/** A ZeroMQ PUB socket with one topic. A subscriber that reads too slowly misses messages, and no other does. */
export class Publisher {
  readonly #topic: Buffer
  readonly #metrics: Metrics
  readonly #onListener: () => void
  /** Beginnings of topics that each subscriber has asked for. */
  readonly #subscriptions = new Map<Peer, Buffer[]>()
  #socket: ZmqSocket | undefined

  private constructor({ topic, metrics, onListener }: PublisherOptions) {
    this.#topic = Buffer.from(topic)
    this.#metrics = metrics
    this.#onListener = onListener
  }

  /** @throws ConfigError when it cannot listen there. */
  static async open(options: PublisherOptions): Promise<Publisher> {
    const publisher = new Publisher(options)
    publisher.#socket = await ZmqSocket.open({
      ...options,
      type: 'PUB',
      onMessage: (peer, frames) => publisher.#onMessage(peer, frames),
      onCaughtUp: () => options.onListener(),
      onGone: (peer) => publisher.#subscriptions.delete(peer),
    })
    return publisher
  }

  get port(): number | undefined {
    return this.#socket?.port
  }

  get hasSubscribers(): boolean {
    return [...this.#subscriptions.keys()].some((peer) => this.#isSubscribed(peer))
  }

  /** @param frames behind the topic. */
  publish(...frames: readonly Uint8Array[]): void {
    const bytes = message(this.#topic, ...frames)
    for (const peer of this.#subscriptions.keys()) {
      if (this.#isSubscribed(peer) && !peer.send(bytes)) this.#metrics.droppedKvEvents.inc()
    }
  }

  async close(): Promise<void> {
    await this.#socket?.close()
  }

  #isSubscribed(peer: Peer): boolean {
    return (this.#subscriptions.get(peer) ?? []).some((start) =>
      this.#topic.subarray(0, start.length).equals(start),
    )
  }

  /** Reads a subscription. ZMTP 3.0: a byte 1 subscribes to topics that begin with the bytes after it, a byte 0 unsubscribes. */
  #onMessage(peer: Peer, [first]: readonly Buffer[]): void {
    const before = this.#isSubscribed(peer)
    const start = first?.subarray(1) ?? Buffer.alloc(0)
    const starts = this.#subscriptions.get(peer) ?? []
    if (first?.[0] === 1) starts.push(start)
    else if (first?.[0] === 0) {
      const index = starts.findIndex((other) => other.equals(start))
      if (index >= 0) starts.splice(index, 1)
    }
    if (starts.length > MAX_SUBSCRIPTIONS) peer.leave('it has too many subscriptions')
    this.#subscriptions.set(peer, starts)
    if (!before && this.#isSubscribed(peer)) this.#onListener()
  }
}
