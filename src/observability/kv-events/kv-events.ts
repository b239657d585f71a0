import { parseEndpoint } from '../../config/kv-events-endpoint.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import type { SlotChange } from '../../protocol/engine-messages.ts'
import { BlockIndex } from './block-index.ts'
import { Publisher } from './publisher.ts'
import { Replay, sequenceBytes } from './replay.ts'
import { allBlocksCleared, blockRemoved, blockStored, encodeBatch, type KvEvent } from './wire-format.ts'
import type { SocketLog } from './zmtp/socket.ts'

export interface KvEventsOptions {
  readonly endpoint: string
  readonly replayEndpoint: string | undefined
  readonly topic: string
  readonly model: string
  /** Tokens of a block. */
  readonly blockSize: number
  readonly log: SocketLog
  readonly metrics: Metrics
}

/** Milliseconds between two snapshots at least, however fast subscribers come and go. */
const SNAPSHOT_MS = 1000

/**
 * Publishes to routers which blocks of tokens are in the slots: vLLM's KV events. A router that subscribes, or has missed
 * messages, causes a snapshot of all blocks, so that no router is wrong for long.
 */
export class KvEvents {
  readonly #options: KvEventsOptions
  readonly #index: BlockIndex
  #publisher: Publisher | undefined
  #replay: Replay | undefined
  #adapters: ReadonlyMap<string, string> = new Map()
  #sequence = 0
  #snapshotAt = Number.NEGATIVE_INFINITY
  #snapshotTimer: NodeJS.Timeout | undefined

  private constructor(options: KvEventsOptions) {
    this.#options = options
    this.#index = new BlockIndex(options.blockSize, options.model)
  }

  /** @throws ConfigError when it cannot listen there. */
  static async open(options: KvEventsOptions): Promise<KvEvents> {
    const events = new KvEvents(options)
    const { endpoint, replayEndpoint, topic, log, metrics } = options
    events.#publisher = await Publisher.open({
      endpoint: parseEndpoint(endpoint),
      flag: '--kv-events-endpoint',
      topic,
      log,
      metrics,
      onListener: () => events.#snapshotSoon(),
    })
    if (replayEndpoint !== undefined) {
      const flag = '--kv-events-replay-endpoint'
      events.#replay = await Replay.open({ endpoint: parseEndpoint(replayEndpoint), flag, topic, log })
    }
    const ports = { port: events.#publisher.port, replayPort: events.#replay?.port }
    log.info({ endpoint, ...ports, topic }, 'KV events')
    return events
  }

  get blockSize(): number {
    return this.#options.blockSize
  }

  onSlots(changes: readonly SlotChange[]): void {
    const { stored, removed } = this.#index.apply(changes)
    // A new subscriber lacks the blocks that these changes follow on; a snapshot comes soon.
    if (this.#snapshotTimer !== undefined) return
    const gone = removed.filter(({ adapter }) => this.#isPublic(adapter))
    this.#publish([
      ...(gone.length > 0 ? [blockRemoved(gone)] : []),
      ...stored.flatMap((chain) => this.#stored(chain)),
    ])
  }

  /** Publishes that no block is left in any slot. */
  onEngineDown(): void {
    this.#index.clear()
    this.#publish([allBlocksCleared])
  }

  /** Sets the names of adapters, by their ids. Blocks of adapters without a name are not published. */
  onAdapters(names: ReadonlyMap<string, string>): void {
    this.#adapters = names
    if (this.#index.count > 0) this.#publishAll()
  }

  async close(): Promise<void> {
    clearTimeout(this.#snapshotTimer)
    this.onEngineDown()
    await Promise.all([this.#publisher?.close(), this.#replay?.close()])
  }

  #snapshotSoon(): void {
    if (this.#snapshotTimer !== undefined) return
    const wait = Math.max(0, this.#snapshotAt + SNAPSHOT_MS - performance.now())
    this.#snapshotTimer = setTimeout(() => this.#publishAll(), wait)
    this.#snapshotTimer.unref()
  }

  #publishAll(): void {
    clearTimeout(this.#snapshotTimer)
    this.#snapshotTimer = undefined
    this.#snapshotAt = performance.now()
    // In one batch, so that no router sees the moment between.
    this.#publish([allBlocksCleared, ...this.#index.chains().flatMap((chain) => this.#stored(chain))])
  }

  #stored(chain: Parameters<typeof blockStored>[0]): KvEvent[] {
    const adapter = chain[0]?.adapter
    if (!this.#isPublic(adapter)) return []
    return [blockStored(chain, this.blockSize, adapter && this.#adapters.get(adapter))]
  }

  #isPublic(adapter: string | undefined): boolean {
    return adapter === undefined || this.#adapters.has(adapter)
  }

  #publish(events: readonly KvEvent[]): void {
    // A later subscriber gets a snapshot.
    if (events.length === 0 || (this.#replay === undefined && this.#publisher?.hasSubscribers !== true))
      return
    const sequence = this.#sequence++
    this.#options.metrics.publishedKvEvents.inc()
    const payload = encodeBatch(events)
    this.#publisher?.publish(sequenceBytes(sequence), payload)
    this.#replay?.keep(sequence, payload)
  }
}
