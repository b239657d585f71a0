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

/** Between two times that all is told: subscribers may come and go as fast as they like. */
const RETELL_MS = 1000

/**
 * Tells routers which blocks of tokens are in the slots: vLLM's KV events. Whoever begins to listen, or has missed
 * something, makes it tell all from the start, so that no reader is wrong for long.
 */
export class KvEvents {
  readonly #options: KvEventsOptions
  readonly #index: BlockIndex
  #publisher: Publisher | undefined
  #replay: Replay | undefined
  #adapters: ReadonlyMap<string, string> = new Map()
  #sequence = 0
  #toldAllAt = Number.NEGATIVE_INFINITY
  #retelling: NodeJS.Timeout | undefined

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
      onListener: () => events.#tellAllSoon(),
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
    // Whoever has just come cannot know what this would follow on; soon all of it is told.
    if (this.#retelling !== undefined) return
    const gone = removed.filter(({ adapter }) => this.#tells(adapter))
    this.#publish([
      ...(gone.length > 0 ? [blockRemoved(gone)] : []),
      ...stored.flatMap((chain) => this.#stored(chain)),
    ])
  }

  /** Nothing is left of what its slots held. */
  onEngineDown(): void {
    this.#index.clear()
    this.#publish([allBlocksCleared])
  }

  /** @param names of adapters, by their ids: what others have computed is not told. */
  onAdapters(names: ReadonlyMap<string, string>): void {
    this.#adapters = names
    if (this.#index.count > 0) this.#tellAll()
  }

  async close(): Promise<void> {
    clearTimeout(this.#retelling)
    this.onEngineDown()
    await Promise.all([this.#publisher?.close(), this.#replay?.close()])
  }

  #tellAllSoon(): void {
    if (this.#retelling !== undefined) return
    const wait = Math.max(0, this.#toldAllAt + RETELL_MS - performance.now())
    this.#retelling = setTimeout(() => this.#tellAll(), wait)
    this.#retelling.unref()
  }

  #tellAll(): void {
    clearTimeout(this.#retelling)
    this.#retelling = undefined
    this.#toldAllAt = performance.now()
    // In one batch, so that nobody sees the moment between.
    this.#publish([allBlocksCleared, ...this.#index.chains().flatMap((chain) => this.#stored(chain))])
  }

  #stored(chain: Parameters<typeof blockStored>[0]): KvEvent[] {
    const adapter = chain[0]?.adapter
    if (!this.#tells(adapter)) return []
    return [blockStored(chain, this.blockSize, adapter && this.#adapters.get(adapter))]
  }

  #tells(adapter: string | undefined): boolean {
    return adapter === undefined || this.#adapters.has(adapter)
  }

  #publish(events: readonly KvEvent[]): void {
    // Whoever comes later is told all.
    if (events.length === 0 || (this.#replay === undefined && this.#publisher?.heard !== true)) return
    const sequence = this.#sequence++
    this.#options.metrics.publishedKvEvents.inc()
    const payload = encodeBatch(events)
    this.#publisher?.publish(sequenceBytes(sequence), payload)
    this.#replay?.keep(sequence, payload)
  }
}
