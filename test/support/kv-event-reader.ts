import { decode } from '@msgpack/msgpack'
import { parseLine, type TestServer } from './server.ts'

/** What a router knows of a block. */
interface Known {
  readonly parent: bigint | null
  readonly tokens: readonly number[]
  readonly adapter: string | null
}

export interface ReadBatch {
  readonly topic: string
  readonly sequence: bigint
  readonly tags: readonly string[]
}

export interface Announced {
  readonly port: number
  readonly replayPort: number
  readonly topic: string
}

/** Where a server tells its events. */
export function announced({ logs }: TestServer): Announced {
  const line = logs.map(parseLine).find((each) => each?.msg === 'KV events')
  if (line === undefined) throw new Error(`no events are announced:\n${logs.join('\n')}`)
  return line as unknown as Announced
}

/**
 * A router's side of vLLM's KV events, as strict as the format allows: three frames, a sequence number of eight bytes, a
 * batch in MessagePack, positional fields. It trusts no hash: they only name blocks.
 */
export class KvEventReader {
  readonly blocks = new Map<bigint, Known>()
  readonly #blockSize: number
  #last: bigint | undefined

  constructor(blockSize: number) {
    this.#blockSize = blockSize
  }

  /** The number of the batch that comes next. */
  get next(): bigint {
    return this.#last === undefined ? 0n : this.#last + 1n
  }

  /** @throws Error for anything that a strict router would not take. */
  read(frames: readonly Uint8Array[]): ReadBatch {
    const [topic, number, payload] = frames
    if (frames.length !== 3 || number?.length !== 8 || payload === undefined)
      throw new Error(`a batch of ${frames.length} frames`)
    const sequence = Buffer.from(number).readBigUInt64BE()
    const follows = sequence === this.next
    this.#last = sequence
    return { topic: Buffer.from(topic ?? []).toString(), sequence, tags: this.readBatch(payload, follows) }
  }

  /** @param follows whether this is the batch behind the one before; else it has to begin from nothing. */
  readBatch(payload: Uint8Array, follows = true): string[] {
    const batch = decode(payload, { useBigInt64: true }) as [number, unknown[][], number]
    const [time, events, rank] = batch
    if (batch.length !== 3 || Math.abs(Date.now() / 1000 - time) > 3600 || rank !== 0)
      throw new Error('a batch')
    if (!follows && events[0]?.[0] !== 'AllBlocksCleared') throw new Error('a batch that follows none')
    return events.map((event) => {
      const tag = String(event[0])
      if (tag === 'BlockStored') this.#store(event)
      else if (tag === 'BlockRemoved') this.#remove(event)
      else if (tag === 'AllBlocksCleared' && event.length === 1) this.blocks.clear()
      else throw new Error(`an event ${JSON.stringify(event)}`)
      return tag
    })
  }

  /** How many whole blocks at the start of a prompt are there, by their tokens alone. */
  longest(prompt: readonly number[], adapter: string | null = null): number {
    let parent: bigint | null = null
    for (let found = 0; ; found++) {
      const wanted = prompt.slice(found * this.#blockSize, (found + 1) * this.#blockSize)
      const next = [...this.blocks].find(
        ([, block]) =>
          block.parent === parent && block.adapter === adapter && block.tokens.join() === wanted.join(),
      )
      if (next === undefined) return found
      parent = next[0]
    }
  }

  /** All tokens up to and including a block's. */
  prefix(hash: bigint): number[] {
    const block = this.blocks.get(hash)
    if (block === undefined) throw new Error('a block without its parent')
    return [...(block.parent === null ? [] : this.prefix(block.parent)), ...block.tokens]
  }

  #store(event: readonly unknown[]): void {
    const [, hashes, parent, tokens, size, loraId, medium, adapter] = event as [
      string,
      bigint[],
      bigint | null,
      number[],
      number,
      null,
      string,
      string | null,
    ]
    if (event.length !== 8 || size !== this.#blockSize || loraId !== null || medium !== 'GPU')
      throw new Error(`a BlockStored ${JSON.stringify(event.slice(3))}`)
    if (hashes.length === 0 || tokens.length !== hashes.length * size)
      throw new Error(`${hashes.length} blocks of ${tokens.length} tokens`)
    let before = parent
    for (const [index, hash] of hashes.entries()) {
      if (typeof hash !== 'bigint' || hash === 0n) throw new Error(`a hash ${hash}`)
      if (this.blocks.has(hash)) throw new Error('a block is stored twice')
      if (before !== null && !this.blocks.has(before)) throw new Error('a parent that is not there')
      this.blocks.set(hash, {
        parent: before,
        tokens: tokens.slice(index * size, (index + 1) * size),
        adapter,
      })
      before = hash
    }
  }

  #remove([, hashes, medium, ...more]: readonly unknown[]): void {
    if (medium !== 'GPU' || more.length > 0) throw new Error('a BlockRemoved')
    for (const hash of hashes as bigint[])
      if (!this.blocks.delete(hash)) throw new Error('a block that is not there is removed')
  }
}
