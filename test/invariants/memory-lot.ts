import type { ParkingLot } from '../../src/engine/parking/parking-lot.ts'
import type { Parked, ParkedPrefixes } from '../../src/kvcache/parked-prefixes.ts'
import type { SlotContent } from '../../src/kvcache/slot-cache.ts'
import type { SlotStorage } from '../../src/protocol/engine.ts'

/** A ParkingLot whose files are in memory. */
export class MemoryLot implements Pick<ParkingLot, 'park' | 'restore' | 'spill' | 'stats'> {
  readonly #engine: SlotStorage
  readonly #parked: ParkedPrefixes
  readonly #kept = new Set<Parked>()
  readonly #counts = { parked: 0, restored: 0, parkingFailed: 0 }

  constructor(engine: SlotStorage, parked: ParkedPrefixes) {
    this.#engine = engine
    this.#parked = parked
  }

  get stats() {
    return { ...this.#counts, parkedBytes: this.#parked.bytes }
  }

  park(slot: number, parked: Parked): Promise<boolean> {
    return this.#try(parked, async () => {
      const bytes = await this.#engine.save(slot, String(parked.id), parked.tokens)
      this.#kept.add(parked)
      for (const leaving of this.#parked.stored(parked, bytes)) this.#kept.delete(leaving)
      this.#counts.parked++
    })
  }

  restore(slot: number, parked: Parked): Promise<boolean> {
    return this.#try(parked, async () => {
      if (!this.#kept.has(parked)) throw new Error('it was never parked')
      await this.#engine.load(slot, String(parked.id), parked.tokens)
      this.#counts.restored++
    })
  }

  spill(content: SlotContent): Promise<boolean> {
    return this.park(content.slot, this.#parked.add(content))
  }

  async #try(parked: Parked, transfer: () => Promise<void>): Promise<boolean> {
    try {
      await transfer()
      return true
    } catch {
      this.#counts.parkingFailed++
      this.#parked.drop(parked)
      this.#kept.delete(parked)
      return false
    }
  }
}
