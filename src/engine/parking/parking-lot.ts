import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Parked, ParkedPrefixes } from '../../kvcache/parked-prefixes.ts'
import type { Prefix } from '../../kvcache/prefix.ts'
import type { SlotContent } from '../../kvcache/slot-cache.ts'
import { isOwn, type ParkingPlace, parkingFolder, removeAbandoned } from '../../machine/parking-folder.ts'
import type { SlotStorage } from '../../protocol/engine.ts'
import type { EngineStats } from '../../protocol/engine-messages.ts'

interface File {
  readonly path: string
  /** SHA-256 of a file that another process has written; checked before llama.cpp reads it. */
  readonly digest: string | undefined
  /** Whether its label is written. */
  readonly labelled: boolean
}

/** Content of the JSON file beside a parked prefix that outlives the server. */
interface Label extends Prefix {
  readonly keepAs: string
  readonly bytes: number
  readonly digest: string
}

const OWN_FILE = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(\.json)?$/

/** Offloads the KV cache of slots to files, and restores it. A transfer that fails costs a recomputation, never a request. */
export class ParkingLot {
  readonly #engine: SlotStorage
  readonly #parked: ParkedPrefixes
  readonly #place: ParkingPlace
  readonly #files = new Map<Parked, File>()
  readonly #onRestored: (tokens: number, ms: number) => void
  readonly #counts = { parked: 0, restored: 0, parkingFailed: 0 }

  private constructor(
    engine: SlotStorage,
    parked: ParkedPrefixes,
    place: ParkingPlace,
    onRestored: (tokens: number, ms: number) => void,
  ) {
    this.#engine = engine
    this.#parked = parked
    this.#place = place
    this.#onRestored = onRestored
  }

  /**
   * Makes a folder in `place.folder`, for this user only, and takes over what is kept there.
   * @param onRestored called after every restored prefix, with its tokens and the milliseconds it took.
   */
  static async open(
    engine: SlotStorage,
    parked: ParkedPrefixes,
    place: ParkingPlace,
    onRestored: (tokens: number, ms: number) => void = () => undefined,
  ): Promise<ParkingLot> {
    const { keepAs } = place
    const folder = parkingFolder(place, process.ppid)
    if (keepAs === undefined) removeAbandoned(place.folder, process.ppid)
    await mkdir(folder, { mode: 0o700, recursive: keepAs !== undefined })
    if (!isOwn(folder)) throw new Error(`${folder} is not a directory of this user alone`)
    const lot = new ParkingLot(engine, parked, { folder, keepAs }, onRestored)
    if (keepAs !== undefined) await lot.#takeOver(keepAs)
    return lot
  }

  get stats(): Pick<EngineStats, 'parked' | 'restored' | 'parkingFailed' | 'parkedBytes'> {
    return { ...this.#counts, parkedBytes: this.#parked.bytes }
  }

  /** Writes a slot's content to a file. False when that failed. */
  async park(slot: number, parked: Parked): Promise<boolean> {
    const file = { path: join(this.#place.folder, randomUUID()), digest: undefined, labelled: false }
    this.#files.set(parked, file)
    try {
      // llama.cpp would make it for everyone to read.
      await writeFile(file.path, '', { mode: 0o600, flag: 'wx' })
      const bytes = await this.#engine.save(slot, file.path, parked.tokens)
      this.#counts.parked++
      for (const leaving of this.#parked.stored(parked, bytes)) await this.#erase(leaving)
      return true
    } catch {
      await this.#lose(parked)
      return false
    }
  }

  /** Reads a parked prefix back into a slot. False when that failed: the slot is empty then. */
  async restore(slot: number, parked: Parked): Promise<boolean> {
    const began = performance.now()
    try {
      const file = this.#files.get(parked)
      if (file === undefined) throw new Error('it was never parked')
      if (file.digest !== undefined && (await digestOf(file.path)) !== file.digest)
        throw new Error('it was damaged')
      this.#files.set(parked, { ...file, digest: undefined })
      await this.#engine.load(slot, file.path, parked.tokens)
      this.#counts.restored++
      this.#onRestored(parked.tokens.length, performance.now() - began)
      return true
    } catch {
      await this.#lose(parked)
      return false
    }
  }

  /** Parks the content of a free slot early, so that nothing has to be written when the slot is leased. */
  spill(content: SlotContent): Promise<boolean> {
    return this.park(content.slot, this.#parked.add(content))
  }

  /** Removes the files, or labels them where they outlive the server. @param contents of the slots, which are parked then, too. */
  async close(contents: readonly SlotContent[]): Promise<void> {
    const { keepAs, folder } = this.#place
    if (keepAs === undefined) return rm(folder, { recursive: true, force: true })
    await this.#label(keepAs)
    for (const content of contents) {
      await this.spill(content)
      // The supervisor may kill this process after a while: what is labelled by then is kept.
      await this.#label(keepAs)
    }
  }

  /** Writes a label for each file that has none: without it the next server does not find the file. */
  async #label(keepAs: string): Promise<void> {
    for (const [parked, file] of this.#files) {
      if (file.labelled) continue
      const { path } = file
      const { size: bytes } = await stat(path)
      const label: Label = {
        keepAs,
        scope: parked.scope,
        tokens: parked.tokens,
        bytes,
        digest: await digestOf(path),
      }
      await writeFile(`${path}.json`, JSON.stringify(label), { mode: 0o600 })
      this.#files.set(parked, { ...file, labelled: true })
    }
  }

  /** Turns files with the right label into parked prefixes, and removes what else this server's kind has left in the folder. */
  async #takeOver(keepAs: string): Promise<void> {
    const { folder } = this.#place
    const labels = new Map<string, Label>()
    for (const name of await readdir(folder)) {
      const label = name.endsWith('.json') ? await readLabel(join(folder, name)) : undefined
      if (label?.keepAs === keepAs) labels.set(name.slice(0, -'.json'.length), label)
    }
    for (const name of await readdir(folder)) {
      // Files of other names are not ours.
      if (OWN_FILE.test(name) && !labels.has(name.replace(/\.json$/, '')))
        await rm(join(folder, name), { force: true })
    }
    for (const [name, { bytes, digest, ...prefix }] of labels) {
      const parked = this.#parked.add(prefix)
      this.#files.set(parked, { path: join(folder, name), digest, labelled: true })
      for (const leaving of this.#parked.stored(parked, bytes)) await this.#erase(leaving)
    }
  }

  async #lose(parked: Parked): Promise<void> {
    this.#counts.parkingFailed++
    this.#parked.drop(parked)
    await this.#erase(parked)
  }

  async #erase(parked: Parked): Promise<void> {
    const file = this.#files.get(parked)
    this.#files.delete(parked)
    if (file === undefined) return
    await rm(file.path, { force: true })
    if (file.labelled) await rm(`${file.path}.json`, { force: true })
  }
}

async function readLabel(path: string): Promise<Label | undefined> {
  try {
    const { keepAs, scope, tokens, bytes, digest } = JSON.parse(
      await readFile(path, 'utf8'),
    ) as Partial<Label>
    const numbers = Array.isArray(tokens) && tokens.every((token) => Number.isInteger(token))
    if (
      typeof keepAs !== 'string' ||
      typeof scope !== 'string' ||
      !numbers ||
      typeof bytes !== 'number' ||
      typeof digest !== 'string'
    )
      return
    return { keepAs, scope, tokens, bytes, digest }
  } catch {
    return undefined
  }
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest('hex')
}
