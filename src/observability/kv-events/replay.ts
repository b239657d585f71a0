import { message } from './zmtp/frames.ts'
import type { Peer } from './zmtp/peer.ts'
import { ZmqSocket, type ZmqSocketOptions } from './zmtp/socket.ts'

export type ReplayOptions = Pick<ZmqSocketOptions, 'endpoint' | 'flag' | 'log'> & { readonly topic: string }

interface Kept {
  readonly sequence: number
  readonly payload: Uint8Array
}

/** Batches kept at most: vLLM's default of buffer_steps. */
const MAX_BATCHES = 10_000
const MAX_BYTES = 32 << 20

const NOTHING = Buffer.alloc(0)
/** Message after the last batch, with -1 for its number, as vLLM sends it. */
const END = message(NOTHING, NOTHING, sequenceBytes(-1), NOTHING)

export function sequenceBytes(sequence: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(sequence))
  return bytes
}

/** A ZeroMQ ROUTER socket that sends the latest batches again, as many as it has kept. */
export class Replay {
  readonly #topic: Buffer
  #kept: Kept[] = []
  #bytes = 0
  /** Peers to which a replay is being sent. */
  readonly #busy = new Set<Peer>()
  #socket: ZmqSocket | undefined

  private constructor(topic: string) {
    this.#topic = Buffer.from(topic)
  }

  /** @throws ConfigError when it cannot listen there. */
  static async open(options: ReplayOptions): Promise<Replay> {
    const replay = new Replay(options.topic)
    replay.#socket = await ZmqSocket.open({
      ...options,
      type: 'ROUTER',
      // vLLM: this one listens whatever it is called.
      endpoint: { ...options.endpoint, listens: true },
      onMessage: (peer, frames) => replay.#onMessage(peer, frames),
    })
    return replay
  }

  get port(): number | undefined {
    return this.#socket?.port
  }

  keep(sequence: number, payload: Uint8Array): void {
    this.#kept.push({ sequence, payload })
    this.#bytes += payload.length
    let leaving = 0
    while (this.#kept.length - leaving > MAX_BATCHES || this.#bytes > MAX_BYTES)
      this.#bytes -= this.#kept[leaving++]?.payload.length ?? 0
    // In one go: taking the first of many away one by one costs as many moves.
    if (leaving > 0) this.#kept = this.#kept.slice(leaving)
  }

  async close(): Promise<void> {
    await this.#socket?.close()
  }

  #onMessage(peer: Peer, frames: readonly Buffer[]): void {
    const [delimiter, from] = frames
    if (frames.length !== 2 || delimiter?.length !== 0 || from?.length !== 8) {
      peer.leave('its request is not a number of eight bytes')
      return
    }
    if (this.#busy.has(peer)) return
    this.#busy.add(peer)
    void this.#send(peer, from.readBigUInt64BE()).finally(() => this.#busy.delete(peer))
  }

  /** Sends the batches from a number on, at the pace of the reader. */
  async #send(peer: Peer, from: bigint): Promise<void> {
    for (const { sequence, payload } of [...this.#kept]) {
      if (sequence < from) continue
      if (!peer.send(message(NOTHING, this.#topic, sequenceBytes(sequence), payload))) return
      await peer.caughtUp()
    }
    peer.send(END)
  }
}
