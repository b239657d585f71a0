import { createHash } from 'node:crypto'
import type { SlotChange } from '../../protocol/engine-messages.ts'

/** A whole block of tokens whose keys and values are in one slot or more. */
export interface Block {
  /** Hash of its tokens and all before them: the same in every server. Never 0, which a router takes for none. */
  readonly hash: bigint
  readonly parent: Block | undefined
  readonly tokens: Uint32Array
  readonly adapter: string | undefined
  /** How many slots hold it. */
  holders: number
}

export interface IndexChange {
  /** Blocks that were in no slot before, in chains: the parent of each but the first is the one before it. */
  readonly stored: readonly (readonly Block[])[]
  readonly removed: readonly Block[]
}

/** The blocks that are in any slot. Where a block is in it, its parent is, too. */
export class BlockIndex {
  readonly #size: number
  /** The model, which goes into the hash: blocks of the same tokens differ between models, as between adapters. */
  readonly #model: string
  readonly #slots = new Map<number, readonly Block[]>()
  readonly #blocks = new Map<bigint, Block>()

  /** @param size tokens of a block. */
  constructor(size: number, model: string) {
    this.#size = size
    this.#model = model
  }

  get count(): number {
    return this.#blocks.size
  }

  apply(changes: readonly SlotChange[]): IndexChange {
    const stored: Block[][] = []
    const dropped: Block[] = []
    for (const change of changes) {
      const before = this.#slots.get(change.slot) ?? []
      const fresh: Block[] = []
      this.#slots.set(change.slot, this.#hold(before.slice(0, change.kept), change, fresh))
      dropped.push(...before.slice(change.kept))
      if (fresh.length > 0) stored.push(fresh)
    }
    // Dropped last: a block that one slot forgets another may have taken over.
    return { stored, removed: dropped.filter((block) => this.#drop(block)) }
  }

  clear(): void {
    this.#slots.clear()
    this.#blocks.clear()
  }

  /** All blocks, in chains: each block once, after its parent. */
  chains(): Block[][] {
    const listed = new Set<Block>()
    const chains: Block[][] = []
    for (const blocks of this.#slots.values()) {
      const chain = blocks.filter((block) => !listed.has(block))
      for (const block of chain) listed.add(block)
      if (chain.length > 0) chains.push(chain)
    }
    return chains
  }

  /** Adds a slot's new blocks. @param fresh gets those that were in no slot: with a block all that follow it. */
  #hold(blocks: Block[], { tokens, adapter }: SlotChange, fresh: Block[]): Block[] {
    for (let start = 0; start < tokens.length; start += this.#size) {
      const parent = blocks.at(-1)
      const own = tokens.subarray(start, start + this.#size)
      const hash = this.#hash(parent?.hash, own, adapter)
      let block = this.#blocks.get(hash)
      if (block === undefined) {
        block = { hash, parent, tokens: own, adapter, holders: 0 }
        this.#blocks.set(hash, block)
        fresh.push(block)
      }
      block.holders++
      blocks.push(block)
    }
    return blocks
  }

  /** True when no slot holds it any more. */
  #drop(block: Block): boolean {
    if (--block.holders > 0) return false
    return this.#blocks.delete(block.hash)
  }

  #hash(parent: bigint | undefined, tokens: Uint32Array, adapter: string | undefined): bigint {
    const before = parent ?? JSON.stringify([this.#model, adapter])
    const digest = createHash('sha256').update(`${before} `).update(tokens).digest()
    return digest.readBigUInt64BE() || 1n
  }
}
