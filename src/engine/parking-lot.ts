import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { EngineStats } from '../children/protocol.ts'
import type { Parked, ParkedPrefixes } from '../kvcache/parked-prefixes.ts'
import type { Engine } from './engine.ts'

const NAME = /^altiplano-kv-(\d+)$/

/** Moves what slots hold to files and back. A transfer that fails costs a recomputation, never a request. */
export class ParkingLot {
  readonly #engine: Engine
  readonly #parked: ParkedPrefixes
  readonly #folder: string
  readonly #counts = { parked: 0, restored: 0, parkingFailed: 0 }

  private constructor(engine: Engine, parked: ParkedPrefixes, folder: string) {
    this.#engine = engine
    this.#parked = parked
    this.#folder = folder
  }

  /**
   * @param parent where a folder is made for this user only; folders of servers that are gone are removed.
   * @param server process id of the server: what an earlier engine of it left is removed too.
   */
  static async open(
    engine: Engine,
    parked: ParkedPrefixes,
    parent: string,
    server = process.ppid,
  ): Promise<ParkingLot> {
    for (const name of await readdir(parent)) {
      const owner = Number(NAME.exec(name)?.[1])
      if (owner === server || (owner > 0 && !lives(owner))) {
        await rm(join(parent, name), { recursive: true, force: true }).catch(() => undefined)
      }
    }
    const folder = join(parent, `altiplano-kv-${server}`)
    await mkdir(folder, { mode: 0o700 })
    return new ParkingLot(engine, parked, folder)
  }

  get stats(): Pick<EngineStats, 'parked' | 'restored' | 'parkingFailed' | 'parkedBytes'> {
    return { ...this.#counts, parkedBytes: this.#parked.bytes }
  }

  async park(slot: number, parked: Parked): Promise<void> {
    try {
      const bytes = await this.#engine.save(slot, this.#file(parked), parked.tokens)
      this.#counts.parked++
      for (const leaving of this.#parked.stored(parked, bytes)) await this.#erase(leaving)
    } catch {
      await this.#lose(parked)
    }
  }

  /** False when it could not be: the slot holds nothing then. */
  async restore(slot: number, parked: Parked): Promise<boolean> {
    try {
      await this.#engine.load(slot, this.#file(parked), parked.tokens)
      this.#counts.restored++
      return true
    } catch {
      await this.#lose(parked)
      return false
    }
  }

  close(): Promise<void> {
    return rm(this.#folder, { recursive: true, force: true })
  }

  async #lose(parked: Parked): Promise<void> {
    this.#counts.parkingFailed++
    this.#parked.drop(parked)
    await this.#erase(parked)
  }

  async #erase(parked: Parked): Promise<void> {
    await rm(this.#file(parked), { force: true })
  }

  #file({ id }: Parked): string {
    return join(this.#folder, String(id))
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}
